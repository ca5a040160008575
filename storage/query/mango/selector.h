#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/json.h"
#include "storage/query/mango/field_path.h"
#include "storage/query/mango/regex.h"

namespace divan::storage::mango {

/// One condition of a selector, after normalisation: field names are joined and pushed down to the
/// operators, negations are pushed down as far as they go (mango_selector:normalize/1).
struct SelectorNode {
    enum class Operator : std::uint8_t {
        all_of,  ///< `$and`
        any_of,  ///< `$or`
        none_of, ///< `$nor`; gone after normalisation
        negated, ///< `$not`; one child
        field,   ///< `path` leads to what the one child judges
        element, every_element, any_key,  ///< `$elemMatch`, `$allMatch`, `$keyMapMatch`
        less, less_or_equal, equal, not_equal, greater_or_equal, greater,
        in, not_in, exists, type, modulo, regex, all, size, begins_with, text,
    };

    Operator op = Operator::equal;
    FieldPath path;
    std::string name;                  ///< `path` as it was written: "a.b\\.c".
    std::vector<SelectorNode> children;
    JsonValue argument;
    std::string argument_text;         ///< `argument` as JSON.
    std::vector<std::string> choices;  ///< Of `$in`, `$nin`, `$all`: the items as JSON.
    std::optional<Regex> expression;
    std::int64_t divisor = 0;          ///< Of `$mod`.
    std::int64_t remainder = 0;
};

/// What documents a query means. A value; any thread.
class Selector {
public:
    /// Refuses with `bad_request`, the sentence and the error name of mango_error.erl.
    static Result<Selector> parse(const JsonValue& selector);

    /// `document` is a whole document as JSON text, `_id` and `_rev` included.
    bool matches(std::string_view document) const;
    /// The normalised selector as JSON: mango_selector:normalize/1. "{}" where it takes all.
    std::string text() const;
    /// Null where every document matches.
    const SelectorNode* root() const { return root_ ? &*root_ : nullptr; }

private:
    std::optional<SelectorNode> root_;
};

}  // namespace divan::storage::mango
