#include "tools/bench/reply_parser.h"

#include <algorithm>
#include <charconv>

namespace divan::bench {
namespace {

constexpr std::size_t head_bytes_max = 64U << 10;

bool equals_lower(std::string_view text, std::string_view lower) {
    return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
    return text;
}

bool read_number(std::string_view text, int base, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

void ReplyParser::start(bool keep_body) {
    part_ = Part::head;
    status_ = 0;
    keep_body_ = keep_body;
    keep_alive_ = true;
    left_ = body_bytes_ = lines_ = 0;
    line_.clear();
    body_.clear();
    cookie_.clear();
}

ReplyParser::State ReplyParser::feed(std::string_view& bytes) {
    for (;;) {
        switch (part_) {
            case Part::head:
                if (const State state = feed_head(bytes); state != State::more) return state;
                if (part_ == Part::head) return State::more;
                if (part_ == Part::sized && left_ == 0) return State::done;
                break;
            case Part::sized:
                take(bytes);
                return left_ == 0 ? State::done : State::more;
            case Part::until_close:
                left_ = bytes.size();
                take(bytes);
                return State::more;
            case Part::chunk:
                take(bytes);
                if (left_ > 0) return State::more;
                part_ = Part::chunk_end;
                break;
            default: {
                const State state = feed_chunk_line(bytes);
                if (state != State::more || bytes.empty()) return state;
            }
        }
        if (bytes.empty()) return State::more;
    }
}

ReplyParser::State ReplyParser::closed() {
    return part_ == Part::until_close ? State::done : State::broken;
}

ReplyParser::State ReplyParser::feed_head(std::string_view& bytes) {
    const std::size_t before = line_.size();
    line_.append(bytes);
    const auto end = line_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
    if (end == std::string::npos) {
        bytes = {};
        return line_.size() > head_bytes_max ? State::broken : State::more;
    }
    bytes.remove_prefix(end + 4 - before);
    line_.resize(end + 2);
    if (!read_head()) return State::broken;
    line_.clear();
    if (status_ / 100 == 1) {  // 100 Continue: the reply proper follows.
        part_ = Part::head;
        return bytes.empty() ? State::more : feed_head(bytes);
    }
    return State::more;
}

bool ReplyParser::read_head() {
    std::string_view head = line_;
    if (!head.starts_with("HTTP/1.") || head.size() < 14) return false;
    std::uint64_t status = 0;
    if (!read_number(head.substr(9, 3), 10, status)) return false;
    status_ = static_cast<int>(status);
    keep_body_ |= status_ >= 300;
    part_ = status == 204 || status == 304 ? Part::sized : Part::until_close;

    for (auto at = head.find('\n') + 1; at < head.size();) {
        const auto end = head.find('\n', at);
        const std::string_view line = head.substr(at, end - at);
        at = end + 1;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = trimmed(line.substr(colon + 1));
        if (name.size() == 14 && equals_lower(name, "content-length")) {
            if (!read_number(value, 10, left_)) return false;
            part_ = Part::sized;
        } else if (name.size() == 17 && equals_lower(name, "transfer-encoding")) {
            part_ = Part::chunk_size;
        } else if (name.size() == 10 && equals_lower(name, "connection")) {
            keep_alive_ = !equals_lower(value, "close");
        } else if (keep_body_ && equals_lower(name, "set-cookie")) {
            cookie_ = value.substr(0, value.find(';'));
        }
    }
    return true;
}

ReplyParser::State ReplyParser::feed_chunk_line(std::string_view& bytes) {
    if (!take_line(bytes)) return line_.size() > head_bytes_max ? State::broken : State::more;
    const std::string_view line = trimmed(line_);
    if (part_ == Part::chunk_end) {
        if (!line.empty()) return State::broken;
        part_ = Part::chunk_size;
    } else if (part_ == Part::chunk_size) {
        if (!read_number(trimmed(line.substr(0, line.find(';'))), 16, left_)) return State::broken;
        part_ = left_ == 0 ? Part::trailer : Part::chunk;
    } else if (line.empty()) {
        return State::done;
    }
    line_.clear();
    return State::more;
}

bool ReplyParser::take_line(std::string_view& bytes) {
    const auto end = bytes.find('\n');
    const auto size = end == std::string_view::npos ? bytes.size() : end;
    line_.append(bytes.substr(0, size));
    bytes.remove_prefix(end == std::string_view::npos ? size : size + 1);
    return end != std::string_view::npos;
}

void ReplyParser::take(std::string_view& bytes) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    const std::string_view taken = bytes.substr(0, size);
    lines_ += static_cast<std::uint64_t>(std::count(taken.begin(), taken.end(), '\n'));
    if (keep_body_) body_.append(taken);
    body_bytes_ += size;
    left_ -= size;
    bytes.remove_prefix(size);
}

}  // namespace divan::bench
