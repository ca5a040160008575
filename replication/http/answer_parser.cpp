#include "replication/http/answer_parser.h"

#include <algorithm>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace divan::replication {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

// Beast's state machine, writing straight into our head and bodies.
class Machine : public http::basic_parser<false> {
public:
    Machine(AnswerHead& head, bool no_body) : head_(head) {
        header_limit(AnswerParser::head_bytes_max);
        body_limit(boost::none);  // who reads the body knows how much it may be
        if (no_body) skip(true);
    }
    void append_to(std::string* out) { out_ = out; }

private:
    void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
    void on_response_impl(int status, string_view, int, error_code&) override {
        head_.status = status;
    }
    void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
        auto& header = head_.headers.emplace_back();
        header.name.resize(name.size());
        std::transform(name.begin(), name.end(), header.name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        });
        header.value.assign(value.data(), value.size());
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override {
        out_->append(body.data(), body.size());
        return body.size();
    }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
        out_->append(body.data(), body.size());
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    AnswerHead& head_;
    std::string* out_ = nullptr;
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
    error_code error;
    consumed = machine.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error == http::error::header_limit) return State::head_too_big;
    if (error && error != http::error::need_more) return State::bad;
    if (!machine.is_header_done()) return State::need_more;
    impl_->head->keep_alive = machine.keep_alive() && !machine.need_eof();
    machine.eager(true);
    return State::done;
}

AnswerParser::State AnswerParser::parse_body(std::string_view bytes, std::size_t& consumed,
                                             std::string& out) {
    auto& machine = *impl_->machine;
    consumed = 0;
    if (machine.is_done()) return State::done;
    machine.append_to(&out);
    error_code error;
    consumed = machine.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error && error != http::error::need_more) return State::bad;
    return machine.is_done() ? State::done : State::need_more;
}

AnswerParser::State AnswerParser::end_of_input() {
    auto& machine = *impl_->machine;
    if (!machine.got_some()) return State::bad;
    if (machine.is_done()) return State::done;
    error_code error;
    machine.put_eof(error);
    return !error && machine.is_done() ? State::done : State::bad;
}

}  // namespace divan::replication
