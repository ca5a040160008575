#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace divan::bench {

/// Reads one HTTP/1.1 reply after the other from the bytes of a connection, with as little work as
/// it takes: of the headers only those that say where the reply ends are looked at.
class ReplyParser {
public:
    enum class State : std::uint8_t { more, done, broken };

    /// Forgets the last reply. `keep_body` says whether `body()` is wanted; of an error it is kept
    /// in any case.
    void start(bool keep_body);
    /// Takes bytes from the front of `bytes`, up to the end of the reply at the most.
    State feed(std::string_view& bytes);
    /// The connection was closed: the end of a reply that has neither length nor chunks.
    State closed();

    int status() const { return status_; }
    std::uint64_t body_bytes() const { return body_bytes_; }
    /// Line feeds in the body: CouchDB's lists have a row a line.
    std::uint64_t lines() const { return lines_; }
    const std::string& body() const { return body_; }
    /// `name=value` of the last Set-Cookie, where the body is kept; empty where there is none.
    const std::string& cookie() const { return cookie_; }
    bool keep_alive() const { return keep_alive_; }
    bool untouched() const { return part_ == Part::head && line_.empty(); }

private:
    enum class Part : std::uint8_t {
        head,
        sized,
        until_close,
        chunk_size,
        chunk,
        chunk_end,
        trailer,
    };

    State feed_head(std::string_view& bytes);
    State feed_chunk_line(std::string_view& bytes);
    bool read_head();
    void take(std::string_view& bytes);
    bool take_line(std::string_view& bytes);

    Part part_ = Part::head;
    int status_ = 0;
    bool keep_body_ = false;
    bool keep_alive_ = true;
    std::uint64_t left_ = 0;
    std::uint64_t body_bytes_ = 0;
    std::uint64_t lines_ = 0;
    std::string line_;  ///< The head, or a line of the chunked form, as far as it has come.
    std::string body_;
    std::string cookie_;
};

}  // namespace divan::bench
