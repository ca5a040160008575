#include "storage/query/mango/definition.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/query/erlang_text.h"
#include "storage/query/mango/definition_name.h"
#include "storage/query/mango/refuse.h"
#include "storage/query/mango/request_members.h"
#include "storage/query/mango/selector.h"
#include "storage/query/mango/sort.h"

namespace divan::storage::mango {
namespace {

constexpr std::string_view design_prefix = "_design/";
constexpr std::string_view language_query = "\"language\":\"query\"";

std::string parse_type(const JsonValue* type) {
    if (type == nullptr) return "json";
    if (!type->is_string()) {
        refuse("invalid_string", fmt::format("Invalid string: {}", erlang_w(*type)));
    }
    return type->string();
}

std::optional<bool> parse_partitioned(const JsonValue* value) {
    if (value == nullptr) return std::nullopt;
    if (!value->is_bool()) {
        refuse("invalid_partitioned_value",
               fmt::format("Invalid partitioned value: {}", erlang_w(*value)));
    }
    return value->boolean();
}

/// mango_idx:get_idx_type/1.
void check_type(const std::string& type) {
    if (type == "json") return;
    if (type == "text" || type == "nouveau") {
        throw Refused(Error{Code::maintenance, type, "required index service unavailable"});
    }
    refuse("invalid_index", fmt::format("Invalid type for index: {}", type));
}

/// mango_idx_view:make_view/1.
std::string make_view(const JsonValue& index) {
    if (!index.is_object()) {
        refuse("invalid_index",
               fmt::format("JSON indexes must be an object, not: {}", erlang_w(index)));
    }
    RequestMembers members(index);
    std::string view = "{\"map\":{\"fields\":";
    append_sort_object(view, parse_sort(members.require("fields")));
    const auto* const filter = members.take("partial_filter_selector");
    view += ",\"partial_filter_selector\":";
    view += filter == nullptr ? "{}" : Selector::parse(*filter).value().text();
    members.finish();
    view += "},\"reduce\":\"_count\",\"options\":{\"def\":";
    index.dump_to(view);
    view += "}}";
    return view;
}

std::string design_id(std::string name) {
    return name.starts_with(design_prefix) ? name : std::string(design_prefix) + name;
}

/// Collects the members of an object that is put together.
class ObjectText {
public:
    void add(std::string_view name, std::string_view value) {
        text_.push_back(text_.empty() ? '{' : ',');
        append_json_string(text_, name);
        text_.push_back(':');
        text_ += value;
    }
    std::string done() && { return text_.empty() ? "{}" : std::move(text_) + "}"; }

private:
    std::string text_;
};

/// `object` with this member in place of the one of that name, or at the end.
std::string with_member(const JsonValue* object, std::string_view name, std::string_view value) {
    ObjectText out;
    bool replaced = false;
    if (object != nullptr) {
        for (const auto& [key, old] : object->members()) {
            const bool same = key == name;
            out.add(key, same ? std::string(value) : old.dump());
            replaced = replaced || same;
        }
    }
    if (!replaced) out.add(name, value);
    return std::move(out).done();
}

std::string without_members(const JsonValue& object, const std::vector<std::string>& names) {
    ObjectText out;
    for (const auto& [key, value] : object.members()) {
        if (std::find(names.begin(), names.end(), key) == names.end()) out.add(key, value.dump());
    }
    return std::move(out).done();
}

/// mango_util:check_lang/1.
void check_language(const JsonValue& document) {
    const auto* const language = document.find("language");
    if (language != nullptr && language->is_string() && language->string() == "query") return;
    const auto found = language == nullptr ? "false"
                                           : fmt::format("{{<<108,97,110,103,117,97,103,101>>,{}}}",
                                                         erlang_w(*language));
    refuse("invalid_ddoc_lang",
           fmt::format("Existing design doc has an invalid language: {}", found));
}

/// mango_idx:set_ddoc_partitioned/2.
void check_partitioned(const JsonValue& document, const IndexDefinition& definition) {
    const auto* const options = document.find("options");
    const auto* const given = options == nullptr ? nullptr : options->find("partitioned");
    std::optional<bool> partitioned;
    if (given != nullptr && given->is_bool()) partitioned = given->boolean();
    if (partitioned == definition.partitioned) return;
    refuse("invalid_partitioned_option",
           fmt::format("Requested partitioned option does not match existing value on design "
                       "document {}",
                       definition.design));
}

std::string new_document(const IndexDefinition& definition) {
    ObjectText views;
    views.add(definition.name, definition.view);
    auto text = fmt::format("{{{},\"views\":{}", language_query, std::move(views).done());
    if (definition.partitioned) {
        text += fmt::format(",\"options\":{{\"partitioned\":{}}}", *definition.partitioned);
    }
    return text + "}";
}

}  // namespace

IndexDefinition parse_definition(const JsonValue& body) {
    RequestMembers members(body);
    DefinitionOptions options;
    options.definition = &members.require("index");
    options.type = parse_type(members.take("type"));
    options.name = members.filled_string("name");
    options.design = members.filled_string("ddoc");
    options.w = members.positive("w", 2);
    options.partitioned = parse_partitioned(members.take("partitioned"));
    members.finish();
    check_type(options.type);
    IndexDefinition definition;
    definition.design =
        design_id(options.design.empty() ? definition_name(options) : options.design);
    definition.name = options.name.empty() ? definition_name(options) : options.name;
    definition.view = make_view(*options.definition);
    definition.partitioned = options.partitioned;
    return definition;
}

std::optional<std::string> with_index(const JsonValue* document,
                                      const IndexDefinition& definition) {
    if (document == nullptr) return new_document(definition);
    check_language(*document);
    const auto* views = document->find("views");
    if (views != nullptr && !views->is_object()) views = nullptr;
    const auto text =
        with_member(document, "views", with_member(views, definition.name, definition.view));
    check_partitioned(*document, definition);
    if (text == document->dump()) return std::nullopt;
    return text;
}

std::optional<std::string> without_indexes(const JsonValue& document,
                                           const std::vector<std::string>& names) {
    const auto* const views = document.find("views");
    const auto left = views == nullptr ? "{}" : without_members(*views, names);
    auto text =
        left == "{}" ? without_members(document, {"views"}) : with_member(&document, "views", left);
    if (text == fmt::format("{{{}}}", language_query)) return std::nullopt;
    return text;
}

std::vector<std::string> parse_bulk_delete(const JsonValue& body) {
    RequestMembers members(body);
    const auto& given = members.require("docids");
    if (!given.is_array()) {
        refuse("invalid_bulk_docs",
               fmt::format("Bulk Delete requires an array of non-null docids. Docids: {}",
                           erlang_w(given)));
    }
    std::vector<std::string> designs;
    for (const auto& item : given.items()) {
        if (!item.is_string()) {
            refuse("invalid_index_name", fmt::format("Invalid index name: {}", erlang_w(item)));
        }
        designs.push_back(item.string());
    }
    members.positive("w", 2);
    members.finish();
    return designs;
}

}  // namespace divan::storage::mango
