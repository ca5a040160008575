#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace divan::replication {

struct HttpHeader {
    std::string name;  ///< In lower case where it was received.
    std::string value;
};
using HttpHeaders = std::vector<HttpHeader>;

/// The value of the first header of this name; empty where there is none. `name` in lower case.
std::string_view header_of(const HttpHeaders& headers, std::string_view name);

struct AnswerHead {
    int status = 0;
    HttpHeaders headers;
    bool keep_alive = false;  ///< Another request may follow once the body was read.
};

/// Takes HTTP/1.x answers apart, one after the other: head, then the body with chunked transfer
/// taken off. Holds no bytes of its own: what it did not consume comes again, with more behind it.
class AnswerParser {
public:
    enum class State : std::uint8_t {
        need_more,
        done,  ///< The head, or with `parse_body` the whole body, is there.
        bad,   ///< No HTTP answer.
        head_too_big,
    };
    static constexpr std::uint32_t head_bytes_max = 64 * 1024;

    AnswerParser();
    ~AnswerParser();

    /// Begins an answer, whose head goes to `head`. `no_body`: it has none whatever its head says
    /// (of HEAD, and of a CONNECT that was accepted).
    void begin(AnswerHead& head, bool no_body = false);
    /// Sets `consumed`. Once it is done only `parse_body` may be called.
    State parse_head(std::string_view bytes, std::size_t& consumed);
    /// Appends body bytes to `out`, fewer than it was given.
    State parse_body(std::string_view bytes, std::size_t& consumed, std::string& out);
    /// The connection ended: `done` where the answer is whole by that.
    State end_of_input();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace divan::replication
