#include "tools/import/backup/object_splitter.h"

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t object_bytes_max = 1U << 30;
constexpr std::size_t depth_max = 10'000;
constexpr std::size_t key_bytes_max = 16;

}  // namespace

void ObjectSplitter::feed(std::string_view bytes) {
    for (const char c : bytes) character(c);
}

void ObjectSplitter::finish() const {
    if (depth_ > 0 || in_string_) throw Damage("the backup ends in the middle of a document");
}

void ObjectSplitter::character(char c) {
    if (object_depth_ > 0) {
        object_.push_back(c);
        if (object_.size() > object_bytes_max) throw Damage("a document of more than 1 GB");
    }
    if (!in_string_) return structure(c);
    if (escaped_) {
        escaped_ = false;
    } else if (c == '\\') {
        escaped_ = true;
    } else if (c == '"') {
        in_string_ = false;
        return;
    }
    if (depth_ == 1 && key_.size() < key_bytes_max) key_.push_back(c);
}

void ObjectSplitter::structure(char c) {
    switch (c) {
        case '"':
            in_string_ = true;
            if (depth_ == 1) key_.clear();
            break;
        case '{':
        case '[': open(c); break;
        case '}':
        case ']': close(c); break;
        case ':':
            if (depth_ == 1 && key_ == "_id") has_id_ = true;
            break;
        default:
            if (depth_ == 0 && std::string_view(" \t\r\n,").find(c) == std::string_view::npos) {
                ++stray_bytes_;
            }
    }
}

void ObjectSplitter::open(char c) {
    if (++depth_ > depth_max) throw Damage("JSON nested too deep");
    stack_.push_back(c);
    const bool holds_documents = key_ == "docs" || key_ == "rows";
    if (c == '[' && depth_ == 2 && stack_.front() == '{' && holds_documents && !has_id_) {
        wrapper_ = true;
        object_depth_ = 0;
        object_.clear();
        return;
    }
    if (c != '{' || object_depth_ > 0) return;
    const bool in_list = depth_ == 2 && stack_.front() == '[';
    const bool in_wrapped_list = wrapper_ && depth_ == 3;
    if (depth_ == 1 || in_list || in_wrapped_list) {
        object_depth_ = depth_;
        object_.assign(1, c);
        has_id_ = false;
        key_.clear();
    }
}

void ObjectSplitter::close(char c) {
    const bool fits = depth_ > 0 && stack_.back() == (c == '}' ? '{' : '[');
    if (!fits) throw Damage("brackets that do not match");
    stack_.pop_back();
    if (object_depth_ == depth_ && c == '}') {
        object_depth_ = 0;
        take_(object_);
        object_.clear();
    }
    if (--depth_ == 0) wrapper_ = false;
}

}  // namespace divan::import
