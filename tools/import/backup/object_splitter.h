#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace divan::import {

/// Cuts a stream of JSON into the objects that are documents, or rows with one inside, without
/// reading the whole into memory: one object is kept at a time.
///
/// Takes what backups look like: objects one after the other (lines), arrays of objects one after
/// the other, and one object that holds them in its member "docs" or "rows" and is no document
/// itself (it has no `_id` before that member).
class ObjectSplitter {
public:
    using Take = std::function<void(std::string_view object)>;
    explicit ObjectSplitter(Take take) : take_(std::move(take)) {}

    /// Throws `Damage` where this is no JSON of such a form, or one object is absurdly large.
    void feed(std::string_view bytes);
    /// Throws `Damage` where something has begun and not ended.
    void finish() const;
    /// What stood between the objects and lists and is no JSON of such a form.
    std::uint64_t stray_bytes() const { return stray_bytes_; }

private:
    void character(char c);
    void structure(char c);
    void open(char c);
    void close(char c);

    Take take_;
    std::string object_;      ///< What was read of the object under way.
    std::string stack_;       ///< The brackets that are open.
    std::string key_;         ///< The last string of the outermost object.
    std::size_t depth_ = 0;
    std::size_t object_depth_ = 0;  ///< Where the object under way began; 0: none.
    bool in_string_ = false;
    bool escaped_ = false;
    bool wrapper_ = false;    ///< Inside an object that only holds the documents.
    bool has_id_ = false;
    std::uint64_t stray_bytes_ = 0;
};

}  // namespace divan::import
