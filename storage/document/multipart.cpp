#include "storage/document/multipart.h"

#include <cstring>

// couch_httpd:parse_multipart_request/3 decides what counts: the first boundary may be anywhere, a
// later one follows a line end, and the line end after a boundary is the first half of the empty
// line when a part has no headers.

namespace divan::storage {
namespace {

constexpr std::size_t boundary_bytes_max = 1024;
constexpr std::size_t header_bytes_max = 64U << 10;
constexpr std::string_view line_end = "\r\n";
constexpr std::string_view empty_line = "\r\n\r\n";

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (auto& c : out) c = lower(c);
    return out;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view white = " \t";
    const auto first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

/// memmem: the library's is much faster than std::string_view::find on long texts.
std::size_t find_bytes(BytesView text, BytesView wanted) {
    if (text.size() < wanted.size()) return BytesView::npos;
    const void* found = memmem(text.data(), text.size(), wanted.data(), wanted.size());
    if (found == nullptr) return BytesView::npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

Error broken(std::string reason) {
    return {Code::multipart_error, std::move(reason), {}};
}

/// Takes a parameter's value off `rest`: a token, or a quoted string with backslashes.
std::string take_value(std::string_view& rest) {
    std::string value;
    if (rest.empty() || rest.front() != '"') {
        const auto end = std::min(rest.find(';'), rest.size());
        value = trimmed(rest.substr(0, end));
        rest.remove_prefix(end);
        return value;
    }
    std::size_t at = 1;
    for (; at < rest.size() && rest[at] != '"'; ++at) {
        if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
        value += rest[at];
    }
    rest.remove_prefix(std::min(at + 1, rest.size()));
    return value;
}

}  // namespace

std::optional<std::string> header_parameter(std::string_view header, std::string_view name) {
    auto rest = header.substr(std::min(header.find(';'), header.size()));
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto end = rest.find_first_of("=;");
        if (end == std::string_view::npos) return std::nullopt;
        const auto key = lower_case(trimmed(rest.substr(0, end)));
        const bool has_value = rest[end] == '=';
        rest.remove_prefix(end);
        if (!has_value) continue;
        rest.remove_prefix(1);
        while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) {
            rest.remove_prefix(1);
        }
        auto value = take_value(rest);
        if (key == name) return value;
        rest.remove_prefix(std::min(rest.find(';'), rest.size()));
    }
    return std::nullopt;
}

std::optional<std::string> multipart_boundary(std::string_view content_type) {
    constexpr std::string_view multipart = "multipart/";
    const auto type = trimmed(content_type);
    if (lower_case(type.substr(0, multipart.size())) != multipart) return std::nullopt;
    auto boundary = header_parameter(type, "boundary");
    if (!boundary || boundary->empty() || boundary->size() > boundary_bytes_max) {
        return std::nullopt;
    }
    return boundary;
}

MultipartParser::MultipartParser(std::string_view boundary) : delimiter_("\r\n--") {
    delimiter_ += boundary;
}

void MultipartParser::feed(BytesView bytes) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
    data_ = {};
    if (state_ != State::done) buffer_ += bytes;
}

Result<MultipartParser::Event> MultipartParser::next() {
    data_ = {};
    while (true) {
        switch (state_) {
            case State::preamble:
                if (!skip_preamble()) return Event::need_more;
                state_ = State::after_boundary;
                break;
            case State::after_boundary: {
                if (rest().size() < 2) return Event::need_more;
                const bool last = rest().substr(0, 2) == "--";
                state_ = last ? State::done : State::headers;
                if (last) return Event::end;
                break;
            }
            case State::headers: {
                auto complete = take_headers();
                if (!complete) return complete.error();
                if (!*complete) return Event::need_more;
                state_ = State::body;
                return Event::part_begin;
            }
            case State::body:
                return take_body();
            case State::done:
                consumed_ = buffer_.size();
                return Event::need_more;
        }
    }
}

bool MultipartParser::skip_preamble() {
    const auto boundary = BytesView(delimiter_).substr(line_end.size());
    const auto found = find_bytes(rest(), boundary);
    if (found != BytesView::npos) {
        consumed_ += found + boundary.size();
        return true;
    }
    const auto kept = std::min(rest().size(), boundary.size() - 1);
    consumed_ = buffer_.size() - kept;
    return false;
}

Result<bool> MultipartParser::take_headers() {
    const auto text = rest();
    const auto end = find_bytes(text.substr(0, header_bytes_max), empty_line);
    if (end == BytesView::npos) {
        if (text.size() >= header_bytes_max) return broken("part headers are too long");
        return false;
    }
    headers_.clear();
    auto lines = text.substr(0, end);
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find(line_end));
        lines.remove_prefix(std::min(line.size() + line_end.size(), lines.size()));
        if (trimmed(line).empty()) continue;
        if (auto read = read_header(line); !read) return read.error();
    }
    consumed_ += end + empty_line.size();
    return true;
}

Result<void> MultipartParser::read_header(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return broken("bad part header");
    headers_.push_back({lower_case(trimmed(line.substr(0, colon))),
                        std::string(trimmed(line.substr(colon + 1)))});
    return {};
}

MultipartParser::Event MultipartParser::take_body() {
    const auto text = rest();
    const auto found = find_bytes(text, delimiter_);
    if (found == 0) {
        consumed_ += delimiter_.size();
        state_ = State::after_boundary;
        return Event::part_end;
    }
    // The tail may be the beginning of a delimiter.
    const auto sure = found != BytesView::npos        ? found
                      : text.size() < delimiter_.size() ? 0
                                                        : text.size() - delimiter_.size() + 1;
    if (sure == 0) return Event::need_more;
    data_ = text.substr(0, sure);
    consumed_ += sure;
    return Event::part_data;
}

}  // namespace divan::storage
