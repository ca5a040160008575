#include "server/http/request_parser.h"

#include "storage/base/async/http_machine.h"

namespace divan::server {
namespace {

class Machine : public HttpMachine<true> {
public:
    Machine(Request& request, std::uint32_t head_bytes_max)
        : HttpMachine(head_bytes_max), request_(request) {}
    int version() const { return version_; }

private:
    void start_request(std::string_view method, std::string_view target, int version) override {
        version_ = version;
        request_.method = method;
        request_.target = target;
    }
    void add_header(std::string name, std::string_view value) override {
        auto& header = request_.headers.emplace_back();
        header.name = std::move(name);
        header.value = value;
    }

    Request& request_;
    int version_ = 11;
};

}  // namespace

struct RequestParser::Impl {
    std::uint32_t head_bytes_max;
    std::optional<Machine> machine;
    Request* request = nullptr;
};

RequestParser::RequestParser(std::uint32_t head_bytes_max)
    : impl_(std::make_unique<Impl>(Impl{head_bytes_max, std::nullopt})) {}

RequestParser::~RequestParser() = default;

void RequestParser::begin(Request& request) {
    impl_->request = &request;
    impl_->machine.emplace(request, impl_->head_bytes_max);
}

RequestParser::State RequestParser::parse_head(std::string_view bytes, std::size_t& consumed) {
    auto& machine = *impl_->machine;
    const auto state = machine.parse_head<State>(bytes, consumed);
    if (state == State::done) impl_->request->keep_alive = machine.keep_alive();
    return state;
}

RequestParser::State RequestParser::parse_body(std::string_view bytes, std::size_t& consumed,
                                               std::string& out) {
    return impl_->machine->parse_body<State>(bytes, consumed, out);
}

bool RequestParser::body_done() const {
    return impl_->machine->is_done();
}

bool RequestParser::chunked() const {
    return impl_->machine->chunked();
}

std::optional<std::uint64_t> RequestParser::content_length() const {
    const auto length = impl_->machine->content_length();
    if (!length) return std::nullopt;
    return *length;
}

bool RequestParser::http_1_0() const {
    return impl_->machine->version() < 11;
}

}  // namespace divan::server
