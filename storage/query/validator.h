#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/json.h"
#include "storage/query/js/functions.h"

namespace divan::storage {

/// Who writes, and under which rules: two JSON objects.
struct ValidationContext {
    std::string user;
    std::string security;
};

/// What a design document says in `validate_doc_update`. Any thread.
class Validator {
public:
    virtual ~Validator() = default;

    /// An entry for each edit: why it must not be written; empty where it may. May block.
    virtual std::vector<std::optional<Error>> judge(std::span<const js::Validation> edits,
                                                    const ValidationContext& context) const = 0;
};

/// The validator of a design document, whose body `document` is; null where it has none.
///
/// In the language `query` it is a selector of {"newDoc": …, "oldDoc": …}, as mango_native_proc has
/// it: a document that does not match is forbidden. One that cannot be applied (a wrong selector, a
/// language that nobody here speaks) refuses every edit, with the reason.
std::unique_ptr<Validator> make_validator(js::Runtime& runtime, js::Design design,
                                          const JsonValue& document);

/// Refuses a design document in the language `query` whose validator is no selector, with the words
/// of `_find`. CouchDB stores it, and then fails whenever a document is written.
Result<void> check_validator(const JsonValue& document);

}  // namespace divan::storage
