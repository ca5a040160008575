#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/json.h"

namespace divan::storage {

/// One value inside JSON text that is known to be well formed: a document as it is stored. Nothing
/// is decoded before it is asked for. A view: cheap to copy, the text must outlive it.
///
/// Throws `CorruptBytes` where the text is not JSON after all.
class JsonText {
public:
    using Kind = JsonValue::Kind;

    /// `text` starts with the value; anything may follow it.
    explicit JsonText(std::string_view text);

    Kind kind() const;
    /// Only of a boolean.
    bool boolean() const { return text_.front() == 't'; }
    /// The characters of a number.
    std::string_view number() const;
    /// The decoded characters of a string; `scratch` holds them where it has escapes.
    std::string_view string(std::string& scratch) const;
    /// The member of this name; empty where this is no object or has none.
    std::optional<JsonText> member(std::string_view key) const;
    /// Empty where this is no array or is not that long.
    std::optional<JsonText> item(std::size_t index) const;
    /// Exactly this value's text.
    std::string_view raw() const;

private:
    friend class JsonItems;
    friend class JsonMembers;
    std::string_view text_;
};

/// The items of an array, or nothing of anything else.
class JsonItems {
public:
    explicit JsonItems(const JsonText& array);
    std::optional<JsonText> next();

private:
    std::string_view rest_;
    bool first_ = true;
    bool done_;
};

/// The members of an object, or nothing of anything else.
class JsonMembers {
public:
    explicit JsonMembers(const JsonText& object);
    /// False at the end; else `key` and `value` are those of the next member.
    bool next();
    /// A JSON string.
    const JsonText& key() const { return *key_; }
    const JsonText& value() const { return *value_; }

private:
    std::string_view rest_;
    std::optional<JsonText> key_;
    std::optional<JsonText> value_;
    bool first_ = true;
    bool done_;
};

/// Erlang's `=:=`: also 1 and 1.0 differ, and objects whose members are in another order.
bool identical(const JsonText& a, const JsonText& b);

}  // namespace divan::storage
