#include "replication/http/answer_parser.h"

#include <optional>

#include "storage/base/async/http_machine.h"

namespace divan::replication {
namespace {

class Machine : public HttpMachine<false> {
public:
    Machine(AnswerHead& head, bool no_body)
        : HttpMachine(AnswerParser::head_bytes_max), head_(head) {
        if (no_body) skip(true);
    }

private:
    void start_answer(int status) override { head_.status = status; }
    void add_header(std::string name, std::string_view value) override {
        head_.headers.push_back({std::move(name), std::string(value)});
    }

    AnswerHead& head_;
};

}  // namespace

std::string_view header_of(const HttpHeaders& headers, std::string_view name) {
    for (const auto& header : headers) {
        if (header.name == name) return header.value;
    }
    return {};
}

struct AnswerParser::Impl {
    std::optional<Machine> machine;
    AnswerHead* head = nullptr;
};

AnswerParser::AnswerParser() : impl_(std::make_unique<Impl>()) {}

AnswerParser::~AnswerParser() = default;

void AnswerParser::begin(AnswerHead& head, bool no_body) {
    head = AnswerHead();
    impl_->head = &head;
    impl_->machine.emplace(head, no_body);
}

AnswerParser::State AnswerParser::parse_head(std::string_view bytes, std::size_t& consumed) {
    auto& machine = *impl_->machine;
    const auto state = machine.parse_head<State>(bytes, consumed);
    if (state == State::done) {
        impl_->head->keep_alive = machine.keep_alive() && !machine.need_eof();
    }
    return state;
}

AnswerParser::State AnswerParser::parse_body(std::string_view bytes, std::size_t& consumed,
                                             std::string& out) {
    return impl_->machine->parse_body<State>(bytes, consumed, out);
}

AnswerParser::State AnswerParser::end_of_input() {
    auto& machine = *impl_->machine;
    if (!machine.got_some()) return State::bad;
    if (machine.is_done()) return State::done;
    Machine::error_code error;
    machine.put_eof(error);
    return !error && machine.is_done() ? State::done : State::bad;
}

}  // namespace divan::replication
