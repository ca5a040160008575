#include "storage/query/mango/document_rule.h"

#include <fmt/format.h>

namespace divan::storage::mango {

Result<DocumentRule> DocumentRule::parse(const JsonValue& selector) {
    auto parsed = Selector::parse(selector);
    if (!parsed) return parsed.error();
    return DocumentRule(std::move(*parsed));
}

Result<void> DocumentRule::check(std::string_view new_document,
                                 std::string_view old_document) const {
    const auto both = fmt::format(R"({{"newDoc":{},"oldDoc":{}}})", new_document,
                                  old_document.empty() ? "null" : old_document);
    if (selector_.matches(both)) return {};
    return Error{Code::forbidden, "document is not valid", {}};
}

}  // namespace divan::storage::mango
