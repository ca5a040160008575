#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/json.h"
#include "storage/query/json_text.h"

namespace divan::storage::mango {

/// "a.b\.c" taken apart: a, then "b.c".
using FieldPath = std::vector<std::string>;

/// mango_util:parse_field/1. Refuses names with an empty part.
Result<FieldPath> parse_field(std::string_view field);
std::string join_field(const FieldPath& path);

/// What a path leads to in a value. Numbers index arrays.
struct FoundField {
    enum class Kind : std::uint8_t {
        found,
        not_found,  ///< An object on the way has no such member.
        bad_path,   ///< Something on the way is no object, or an array that is not that long.
    };
    Kind kind;
    std::optional<JsonText> value;
};
FoundField find_field(const JsonText& value, const FieldPath& path);

/// A document that is put together from parts of others: mango_doc:set_field/3. The parts' texts
/// must outlive it.
class DocumentBuilder {
public:
    DocumentBuilder();
    ~DocumentBuilder();
    DocumentBuilder(const DocumentBuilder&) = delete;
    DocumentBuilder& operator=(const DocumentBuilder&) = delete;

    /// Does nothing where something on the way is no object.
    void set(const FieldPath& path, std::string_view text);
    void append_to(std::string& out) const;
    std::string text() const;

private:
    struct Branch;
    std::unique_ptr<Branch> root_;
};

/// The `fields` of a query: what of each document is answered.
class FieldList {
public:
    /// mango_fields:new/1. Refuses what is no array of strings.
    static Result<FieldList> parse(const JsonValue& fields);
    /// An empty list means whole documents.
    bool all() const { return paths_.empty(); }
    /// The fields as they were given.
    const std::vector<std::string>& names() const { return names_; }
    /// Appends an object with the fields that `document` has, in the list's order.
    void extract(std::string_view document, std::string& out) const;

private:
    std::vector<FieldPath> paths_;
    std::vector<std::string> names_;
};

}  // namespace divan::storage::mango
