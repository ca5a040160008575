#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/error.h"

namespace divan {

/// Appends `text` as a JSON string, quotes included, escaped as CouchDB's jiffy does: only
/// `"`, `\`, and control characters; everything else as UTF-8.
void append_json_string(std::string& out, std::string_view text);
/// Appends a double as CouchDB prints it: 100.0, 1.0e-5 …
void append_json_double(std::string& out, double value);
std::string json_string(std::string_view text);
/// As a JSON array of strings.
void append_json_strings(std::string& out, std::span<const std::string> texts);

/// A small request's JSON as a tree. For documents use `storage/document/client_document.h`,
/// which never builds one. Objects keep their order; a repeated key has its last value at its
/// last place, as in CouchDB.
class JsonValue {
public:
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };
    using Member = std::pair<std::string, JsonValue>;

    JsonValue() = default;

    Kind kind() const { return kind_; }
    bool is_null() const { return kind_ == Kind::null; }
    bool is_string() const { return kind_ == Kind::string; }
    bool is_array() const { return kind_ == Kind::array; }
    bool is_object() const { return kind_ == Kind::object; }
    bool is_bool() const { return kind_ == Kind::boolean; }
    bool is_number() const { return kind_ == Kind::number; }

    /// Only of a boolean.
    bool boolean() const { return boolean_; }
    /// The decoded text of a string; the normalised digits of a number ("100.0").
    const std::string& string() const { return text_; }
    /// Empty where this is no number, has a fraction, or does not fit.
    std::optional<std::int64_t> integer() const;
    std::optional<double> number() const;
    std::span<const JsonValue> items() const { return items_; }
    std::span<const Member> members() const { return members_; }
    /// Null where this is no object, or has no such member.
    const JsonValue* find(std::string_view key) const;
    /// The normalised JSON text of the whole value.
    std::string dump() const;
    void dump_to(std::string& out) const;

private:
    friend class JsonTreeBuilder;
    Kind kind_ = Kind::null;
    bool boolean_ = false;
    std::string text_;
    std::vector<JsonValue> items_;
    std::vector<Member> members_;
};

/// Refuses with CouchDB's `bad_request` "invalid UTF-8 JSON".
Result<JsonValue> parse_json(std::string_view text);

}  // namespace divan
