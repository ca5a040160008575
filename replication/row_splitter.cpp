#include "replication/row_splitter.h"

#include "replication/http/failures.h"

namespace divan::replication {
namespace {

constexpr std::size_t frame_depth_max = 100;
// A feed that waits gives its memory back.
constexpr std::size_t kept_bytes_max = 4 * 1024;

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

std::string& RowSplitter::input() {
    const auto begin = row_.value_or(at_);
    buffer_.erase(0, begin);
    at_ -= begin;
    if (row_) row_ = 0;
    if (buffer_.empty() && buffer_.capacity() > kept_bytes_max) buffer_.shrink_to_fit();
    return buffer_;
}

bool RowSplitter::row_begins() const {
    switch (form_) {
        case Form::lines: return open_.empty();
        case Form::list: return open_ == "[";
        case Form::results: return in_results_ && open_.size() == 2;
    }
    return false;
}

bool RowSplitter::complete() const {
    if (form_ == Form::lines) return !row_ && open_.empty();
    return begun_ && open_.empty() && !in_string_;
}

void RowSplitter::add_to_frame(char c) {
    if (frame_.size() == frame_bytes_max) throw malformed("the answer's frame is too large");
    frame_ += c;
}

// A character outside of rows.
void RowSplitter::step_in(char c) {
    if (in_string_) {
        add_to_frame(c);
        if (!escaped_ && c == '"') in_string_ = false;
        escaped_ = !escaped_ && c == '\\';
        return;
    }
    if (is_space(c)) return;
    if (form_ == Form::lines || (begun_ && open_.empty())) {
        throw malformed("the answer is no list of rows");
    }
    begun_ = true;
    if (c == ',' && row_begins()) return;  // between rows
    add_to_frame(c);
    if (c == '"') {
        in_string_ = true;
    } else if (c == '{' || c == '[') {
        if (open_.size() == frame_depth_max) throw malformed("the answer nests too deeply");
        open_ += c;
        if (open_ == "{[") {
            in_results_ = frame_ == "{\"results\":[" || frame_.ends_with(",\"results\":[");
        }
    } else if (c == '}' || c == ']') {
        if (open_.empty() || open_.back() != (c == '}' ? '{' : '[')) {
            throw malformed("the answer is no JSON");
        }
        open_.pop_back();
    }
}

void RowSplitter::step_in_row(char c) {
    if (in_string_) {
        if (!escaped_ && c == '"') in_string_ = false;
        escaped_ = !escaped_ && c == '\\';
    } else if (c == '"') {
        in_string_ = true;
    } else if (c == '{' || c == '[') {
        ++row_depth_;
    } else if (c == '}' || c == ']') {
        --row_depth_;
    }
}

std::optional<std::string_view> RowSplitter::next() {
    while (at_ < buffer_.size()) {
        const char c = buffer_[at_];
        if (!row_) {
            if (in_string_ || c != '{' || !row_begins()) {
                step_in(c);
                ++at_;
                continue;
            }
            row_ = at_;
            row_depth_ = 0;
        }
        step_in_row(c);
        ++at_;
        if (row_depth_ > 0 || in_string_) continue;
        const std::string_view row(buffer_.data() + *row_, at_ - *row_);
        row_.reset();
        return row;
    }
    if (row_ && at_ - *row_ > row_bytes_max) throw malformed("a row is too large");
    return std::nullopt;
}

}  // namespace divan::replication
