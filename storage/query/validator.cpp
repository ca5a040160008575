#include "storage/query/validator.h"

#include <utility>

#include "storage/document/design_document.h"
#include "storage/query/mango/selector.h"

namespace divan::storage {
namespace {

using Refusals = std::vector<std::optional<Error>>;

constexpr std::string_view member = "validate_doc_update";

std::string language_of(const JsonValue& document) {
    const auto* const language = document.find("language");
    return language == nullptr ? "javascript" : language->string();
}

Error not_valid() {
    return {Code::forbidden, "document is not valid", {}};
}

class ScriptValidator final : public Validator {
public:
    explicit ScriptValidator(std::shared_ptr<js::Functions> functions)
        : functions_(std::move(functions)) {}

    Refusals judge(std::span<const js::Validation> edits,
                   const ValidationContext& context) const override {
        auto outcomes = functions_->validate(edits, context.user, context.security);
        if (outcomes.has_error()) return Refusals(edits.size(), outcomes.error());
        return *std::move(outcomes);
    }

private:
    const std::shared_ptr<js::Functions> functions_;
};

class SelectorValidator final : public Validator {
public:
    explicit SelectorValidator(mango::Selector selector) : selector_(std::move(selector)) {}

    Refusals judge(std::span<const js::Validation> edits,
                   const ValidationContext&) const override {
        Refusals refusals(edits.size());
        std::string both;
        for (std::size_t i = 0; i < edits.size(); ++i) {
            const auto old = edits[i].old_document;
            both.assign(R"({"newDoc":)").append(edits[i].new_document);
            both.append(R"(,"oldDoc":)").append(old.empty() ? "null" : old).append("}");
            if (selector_.matches(both)) continue;
            refusals[i] = not_valid();
        }
        return refusals;
    }

private:
    const mango::Selector selector_;
};

/// A rule that cannot be applied lets nothing pass.
class BrokenValidator final : public Validator {
public:
    explicit BrokenValidator(Error why) : why_(std::move(why)) {}

    Refusals judge(std::span<const js::Validation> edits,
                   const ValidationContext&) const override {
        return Refusals(edits.size(), why_);
    }

private:
    const Error why_;
};

}  // namespace

std::unique_ptr<Validator> make_validator(js::Runtime& runtime, js::Design design,
                                          const JsonValue& document) {
    const auto* const source = document.find(member);
    if (source == nullptr) return nullptr;
    const auto language = language_of(document);
    if (is_language(language, "query")) {
        if (!source->is_object()) return std::make_unique<BrokenValidator>(not_valid());
        auto selector = mango::Selector::parse(*source);
        if (selector.has_error()) return std::make_unique<BrokenValidator>(selector.error());
        return std::make_unique<SelectorValidator>(*std::move(selector));
    }
    if (!is_language(language, "javascript")) {
        return std::make_unique<BrokenValidator>(
            Error{Code::internal_error, language, "unknown_query_language"});
    }
    if (!source->is_string()) return nullptr;
    return std::make_unique<ScriptValidator>(runtime.functions(std::move(design)));
}

Result<void> check_validator(const JsonValue& document) {
    const auto* const source = document.find(member);
    if (source == nullptr || !source->is_object() || language_of(document) != "query") return {};
    const auto selector = mango::Selector::parse(*source);
    if (selector.has_error()) return selector.error();
    return {};
}

}  // namespace divan::storage
