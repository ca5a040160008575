#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

namespace divan {

/// Beast's state machine for one HTTP/1.x message, writing straight into what the derived class has
/// of it instead of into Beast's fields. For the .cpp files of the two parsers alone.
template <bool is_request>
class HttpMachine : public boost::beast::http::basic_parser<is_request> {
public:
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;
    using Parser = boost::beast::http::basic_parser<is_request>;

    explicit HttpMachine(std::uint32_t head_bytes_max) {
        this->header_limit(head_bytes_max);
        this->body_limit(boost::none);  // who reads the body knows how much it may be
    }

    /// `State` has the values of both parsers' own. Sets `consumed`.
    template <class State>
    State parse_head(std::string_view bytes, std::size_t& consumed) {
        error_code error;
        consumed = this->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
        if (error == boost::beast::http::error::header_limit) return State::head_too_big;
        if (error && error != boost::beast::http::error::need_more) return State::bad;
        if (!this->is_header_done()) return State::need_more;
        this->eager(true);
        return State::done;
    }

    /// Appends body bytes to `out`.
    template <class State>
    State parse_body(std::string_view bytes, std::size_t& consumed, std::string& out) {
        consumed = 0;
        if (this->is_done()) return State::done;
        out_ = &out;
        error_code error;
        consumed = this->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
        if (error && error != boost::beast::http::error::need_more) return State::bad;
        return this->is_done() ? State::done : State::need_more;
    }

private:
    virtual void start_request(std::string_view /*method*/, std::string_view /*target*/,
                               int /*version*/) {}
    virtual void start_answer(int /*status*/) {}
    /// `name` in lower case.
    virtual void add_header(std::string name, std::string_view value) = 0;

    static std::string_view view(string_view text) { return {text.data(), text.size()}; }

    void on_request_impl(boost::beast::http::verb, string_view method, string_view target,
                         int version, error_code&) override {
        start_request(view(method), view(target), version);
    }
    void on_response_impl(int status, string_view, int, error_code&) override {
        start_answer(status);
    }
    void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                       error_code&) override {
        std::string lower(name.data(), name.size());
        for (char& c : lower) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        }
        add_header(std::move(lower), view(value));
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

    std::string* out_ = nullptr;
};

}  // namespace divan
