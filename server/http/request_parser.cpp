#include "server/http/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace divan::server {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

std::string_view view(string_view text) {
    return {text.data(), text.size()};
}

// Beast's state machine, writing straight into our request instead of into Beast's fields.
class Machine : public http::basic_parser<true> {
public:
    Machine(Request& request, std::uint32_t head_bytes_max) : request_(request) {
        header_limit(head_bytes_max);
        body_limit(boost::none);  // who reads the body knows how much it may be
    }
    void append_to(std::string* out) { out_ = out; }
    int version() const { return version_; }

private:
    void on_request_impl(http::verb, string_view method, string_view target, int version,
                         error_code&) override {
        version_ = version;
        request_.method = view(method);
        request_.target = view(target);
    }
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(http::field, string_view name, string_view value, error_code&) override {
        auto& header = request_.headers.emplace_back();
        header.name.resize(name.size());
        std::transform(name.begin(), name.end(), header.name.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        });
        header.value = view(value);
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

    Request& request_;
    std::string* out_ = nullptr;
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
    error_code error;
    consumed = machine.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
    if (error == http::error::header_limit) return State::head_too_big;
    if (error && error != http::error::need_more) return State::bad;
    if (!machine.is_header_done()) return State::need_more;
    impl_->request->keep_alive = machine.keep_alive();
    machine.eager(true);
    return State::done;
}

RequestParser::State RequestParser::parse_body(std::string_view bytes, std::size_t& consumed,
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
