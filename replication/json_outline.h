#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace divan::replication {

// Finds the parts of a JSON text that somebody sent, without building or copying anything. Brackets
// and strings are matched, so that a part that was found can stand anywhere in another text without
// reaching out of its place; whether its strings are UTF-8 and its escapes are good is left to who
// reads it.

/// Where the value that begins at `at` ends; empty where there is no value.
std::optional<std::size_t> json_value_end(std::string_view text, std::size_t at);

/// The text of a JSON string; empty where it is none.
std::optional<std::string> json_text(std::string_view value);
/// Empty where it is no integer of this kind.
std::optional<std::uint64_t> json_unsigned(std::string_view value);

/// The members of an object, one after another; `object` stays meanwhile.
class JsonMembers {
public:
    explicit JsonMembers(std::string_view object);

    /// False at the end, and where the text is broken.
    bool next();
    /// The object came to its end, and nothing is behind it.
    bool complete() const { return complete_; }
    std::string_view key() const { return key_; }  ///< Decoded. Good until the next call.
    std::string_view value() const { return value_; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
    bool first_ = true;
    bool complete_ = false;
    std::string_view key_;
    std::string decoded_;
    std::string_view value_;
};

/// The same for the items of an array.
class JsonItems {
public:
    explicit JsonItems(std::string_view array);
    bool next();
    bool complete() const { return complete_; }
    std::string_view value() const { return value_; }

private:
    std::string_view text_;
    std::size_t at_ = 0;
    bool first_ = true;
    bool complete_ = false;
    std::string_view value_;
};

}  // namespace divan::replication
