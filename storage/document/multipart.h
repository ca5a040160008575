#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace divan::storage {

/// A parameter of a header value such as `form-data; name="x"`; `name` in lower case.
std::optional<std::string> header_parameter(std::string_view header, std::string_view name);

/// The boundary of a `multipart/…` content type; empty where there is none.
std::optional<std::string> multipart_boundary(std::string_view content_type);

/// Takes a multipart body apart as it arrives (RFC 2046), in memory bounded by one part's headers.
///
/// Feed bytes, then take events until `need_more`. Never holds more than it was fed.
class MultipartParser {
public:
    struct Header {
        std::string name;  ///< Lower case.
        std::string value;
    };
    enum class Event : std::uint8_t {
        need_more,
        part_begin,  ///< `headers()` are those of the part.
        part_data,   ///< `data()` is the next piece; good until the next call.
        part_end,
        end,         ///< The closing boundary was seen.
    };

    explicit MultipartParser(std::string_view boundary);

    void feed(BytesView bytes);
    /// Refuses with `multipart_error` where the form is broken or part headers exceed 64 KiB.
    /// At the end of the bytes a parser that has not come to `end` has an unfinished body.
    Result<Event> next();
    const std::vector<Header>& headers() const { return headers_; }
    BytesView data() const { return data_; }

private:
    enum class State : std::uint8_t { preamble, headers, body, after_boundary, done };

    BytesView rest() const { return BytesView(buffer_).substr(consumed_); }
    bool skip_preamble();
    Result<bool> take_headers();
    Result<void> read_header(std::string_view line);
    Event take_body();

    std::string delimiter_;  ///< Line end, two dashes, boundary.
    std::string buffer_;
    std::size_t consumed_ = 0;
    State state_ = State::preamble;
    std::vector<Header> headers_;
    BytesView data_;
};

}  // namespace divan::storage
