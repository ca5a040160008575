#pragma once

#include <string_view>

#include "storage/base/error.h"
#include "storage/base/json.h"
#include "storage/query/mango/selector.h"

namespace divan::storage::mango {

/// A `validate_doc_update` that is a selector, of a design document in the language `query`
/// (mango_native_proc.erl, newer than CouchDB 3.5.2). It is asked of `{"newDoc":…,"oldDoc":…}`.
/// A value; any thread.
class DocumentRule {
public:
    /// Refuses what is no selector.
    static Result<DocumentRule> parse(const JsonValue& selector);

    /// Both are JSON objects with `_id`, `_rev` and so on; without an old one it is empty. Refuses
    /// with `forbidden`.
    Result<void> check(std::string_view new_document, std::string_view old_document) const;

private:
    explicit DocumentRule(Selector selector) : selector_(std::move(selector)) {}

    Selector selector_;
};

}  // namespace divan::storage::mango
