#include "storage/document/design_document.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>

#include <fmt/format.h>

#include "storage/base/json.h"

// What a design document may hold is a list of paths, each step with the kinds of value it takes.
// A path is followed as far as the document goes: what is absent is fine. Paths are checked in
// order, so that a document with several mistakes is refused for the same one as in CouchDB.

namespace divan::storage {
namespace {

enum Kinds : unsigned { array = 1, string = 2, object = 4, boolean = 8 };

struct Step {
    std::string_view key;
    unsigned kinds;
    bool any_key = false;               ///< Every member of the object.
    std::string_view kinds_text = {};  ///< Where the kinds are told in another order.
};

struct Path {
    std::array<Step, 3> steps;
    std::size_t length;
};

constexpr Step any(unsigned kinds) {
    return {{}, kinds, true};
}

constexpr Path path(Step first) {
    return {{first}, 1};
}
constexpr Path path(Step first, Step second) {
    return {{first, second}, 2};
}
constexpr Path path(Step first, Step second, Step third) {
    return {{first, second, third}, 3};
}

constexpr Path paths[] = {
    path({"filters", object}, any(object | string)),
    path({"language", string}),
    path({"lists", object}, any(object | string)),
    path({"options", object}),
    path({"options", object}, {"include_design", boolean}),
    path({"options", object}, {"local_seq", boolean}),
    path({"options", object}, {"partitioned", boolean}),
    path({"rewrites", string | array}),
    path({"shows", object}, any(object | string)),
    path({"updates", object}, any(object | string)),
};

std::span<const Step> steps_of(const Path& path) {
    return std::span(path.steps).first(path.length);
}

unsigned kind_of(const JsonValue& value) {
    switch (value.kind()) {
        case JsonValue::Kind::array: return array;
        case JsonValue::Kind::string: return string;
        case JsonValue::Kind::object: return object;
        case JsonValue::Kind::boolean: return boolean;
        default: return 0;
    }
}

std::string kinds_text(const Step& step) {
    if (!step.kinds_text.empty()) return std::string(step.kinds_text);
    std::string text;
    for (const auto& [kind, name] : {std::pair{array, "array"}, std::pair{string, "string"},
                                     std::pair{object, "object"}, std::pair{boolean, "boolean"}}) {
        if ((step.kinds & kind) == 0) continue;
        if (!text.empty()) text += " or ";
        text += name;
    }
    return text;
}

std::optional<Error> check_path(const JsonValue& value, std::span<const Step> steps,
                                const std::string& at);

std::optional<Error> check_member(const std::string& key, const JsonValue& value,
                                  std::span<const Step> steps, const std::string& at) {
    const std::string here = at.empty() ? key : at + "." + key;
    if ((kind_of(value) & steps.front().kinds) == 0) {
        return Error{Code::invalid_design_doc,
                     fmt::format("`{}` field must have {} type", here,
                                 kinds_text(steps.front())),
                     {}};
    }
    return check_path(value, steps.subspan(1), here);
}

std::optional<Error> check_path(const JsonValue& value, std::span<const Step> steps,
                                const std::string& at) {
    if (steps.empty()) return std::nullopt;
    if (!steps.front().any_key) {
        const JsonValue* member = value.find(steps.front().key);
        if (!member) return std::nullopt;
        return check_member(std::string(steps.front().key), *member, steps, at);
    }
    for (const auto& [key, member] : value.members()) {
        if (auto refused = check_member(key, member, steps, at)) return refused;
    }
    return std::nullopt;
}

std::optional<Error> check_forms(const JsonValue& design) {
    for (const Path& path : paths) {
        if (auto refused = check_path(design, steps_of(path), {})) return refused;
    }
    const JsonValue* language = design.find("language");
    const bool mango = language && language->string() == "query";
    const Step script{"validate_doc_update", string};
    const Step selector{"validate_doc_update", object | string, false, "object or string"};
    const Path by_language[] = {
        // A selector since 3.5.2. CouchDB takes one in any language, where it can only fail.
        path(mango ? selector : script),
        path({"views", object}, {"lib", object}),
        path({"views", object}, any(object), {"map", mango ? object : string}),
        path({"views", object}, any(object), {"reduce", string}),
        path({"views", object}, any(object), {"options", object}),
    };
    for (const Path& path : by_language) {
        if (auto refused = check_path(design, steps_of(path), {})) return refused;
    }
    return std::nullopt;
}

Error invalid(std::string reason) {
    return {Code::invalid_design_doc, std::move(reason), {}};
}

// `_top_N` and `_bottom_N`: N as Erlang's binary_to_integer/1 reads it.
std::optional<Error> check_rank(std::string_view digits) {
    const bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        return invalid("invalid rank reducer");
    }
    constexpr unsigned rank_max = 100;
    unsigned rank = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
    if (negative || read.ec != std::errc() || rank < 1 || rank > rank_max) {
        return invalid(fmt::format("rank value must be between 1 and {}", rank_max));
    }
    return std::nullopt;
}

// Names of built-in reductions match by prefix, as in couch_mrview:validate/2.
std::optional<Error> check_reduce(std::string_view source) {
    if (!source.starts_with('_')) return std::nullopt;
    for (const std::string_view ranked : {"_top_", "_bottom_"}) {
        if (source.starts_with(ranked)) return check_rank(source.substr(ranked.size()));
    }
    for (const std::string_view known :
         {"_sum", "_count", "_stats", "_approx_count_distinct", "_first", "_last"}) {
        if (source.starts_with(known)) return std::nullopt;
    }
    return invalid(fmt::format("`{}` is not a supported reduce function.", source));
}

std::optional<Error> check_views(const JsonValue& design) {
    const JsonValue* views = design.find("views");
    if (!views) return std::nullopt;
    for (const auto& [name, view] : views->members()) {
        if (name != "lib" && !view.find("map")) {
            return invalid(fmt::format("View `{}` must contain map function", name));
        }
    }
    return std::nullopt;
}

// Languages that nobody here speaks may be stored, whatever their reductions are called.
std::optional<Error> check_reductions(const JsonValue& design) {
    const JsonValue* language = design.find("language");
    if (language && language->string() != "javascript" && language->string() != "query") {
        return std::nullopt;
    }
    const JsonValue* views = design.find("views");
    if (!views) return std::nullopt;
    for (const auto& [name, view] : views->members()) {
        const JsonValue* reduce = view.find("reduce");
        if (!reduce || !view.find("map")) continue;
        if (auto refused = check_reduce(reduce->string())) return refused;
    }
    return std::nullopt;
}

bool wants_partitions(const JsonValue& design) {
    const JsonValue* options = design.find("options");
    const JsonValue* partitioned = options ? options->find("partitioned") : nullptr;
    return partitioned && partitioned->boolean();
}

}  // namespace

Result<void> validate_design_document(std::string_view id, std::string_view body_json,
                                      bool partitioned_database) {
    if (!is_design_id(id)) return {};
    auto design = parse_json(body_json);
    if (design.has_error()) return design.error();

    if (auto refused = check_forms(*design)) return *std::move(refused);
    if (auto refused = check_views(*design)) return *std::move(refused);
    if (!partitioned_database && wants_partitions(*design)) {
        return invalid("partitioned option cannot be true in a non-partitioned database.");
    }
    if (auto refused = check_reductions(*design)) return *std::move(refused);
    return {};
}

bool is_language(std::string_view language, std::string_view known) {
    const auto small = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return std::equal(language.begin(), language.end(), known.begin(), known.end(),
                      [&](char a, char b) { return small(a) == b; });
}

void refuse_language(std::string_view language) {
    throw Refused(Error{Code::internal_error, std::string(language), "unknown_query_language"});
}

}  // namespace divan::storage
