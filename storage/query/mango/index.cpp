#include "storage/query/mango/index.h"

#include <fmt/format.h>

#include <tuple>

namespace divan::storage::mango {
namespace {

/// mango_idx:get_partial_filter_selector/1; `selector` is its name of old.
const JsonValue* partial_filter(const JsonValue& map) {
    for (const auto* const name : {"partial_filter_selector", "selector"}) {
        const auto* const filter = map.find(name);
        if (filter == nullptr) continue;
        if (filter->is_object() && filter->members().empty()) return nullptr;
        return filter;
    }
    return nullptr;
}

/// mango_idx_view:def_to_json/1.
std::string definition_of(const JsonValue& map, const std::vector<SortField>& fields) {
    std::string out = "{";
    for (const auto& [name, value] : map.members()) {
        const bool none =
            name == "partial_filter_selector" && value.is_object() && value.members().empty();
        if (none) continue;
        if (out.size() > 1) out.push_back(',');
        append_json_string(out, name);
        out.push_back(':');
        name == "fields" ? append_sort_list(out, fields) : value.dump_to(out);
    }
    out.push_back('}');
    return out;
}

}  // namespace

bool Index::operator<(const Index& other) const {
    return std::tie(design, name) < std::tie(other.design, other.name);
}

Index all_docs_index() {
    Index index;
    index.name = "_all_docs";
    index.fields = {
        {"_id", false}
    };
    index.definition = "{\"fields\":[{\"_id\":\"asc\"}]}";
    return index;
}

std::optional<Index> index_of_map(const JsonValue& map) {
    const auto* const fields = map.find("fields");
    if (fields == nullptr || !fields->is_object()) return std::nullopt;
    Index index;
    for (const auto& [field, direction] : fields->members()) {
        if (!direction.is_string()) return std::nullopt;
        index.fields.push_back({field, direction.string() == "desc"});
    }
    if (const auto* const filter = partial_filter(map)) {
        auto selector = Selector::parse(*filter);
        if (!selector) return std::nullopt;
        index.partial_filter = std::move(*selector);
    }
    index.definition = definition_of(map, index.fields);
    return index;
}

std::vector<Index> indexes_of(std::string_view design, const JsonValue& document,
                              bool partitioned) {
    const auto* const language = document.find("language");
    const auto* const views = document.find("views");
    if (language == nullptr || !language->is_string() || language->string() != "query" ||
        views == nullptr) {
        return {};
    }
    if (const auto* const options = document.find("options")) {
        const auto* const given = options->find("partitioned");
        if (given != nullptr && given->is_bool()) partitioned = given->boolean();
    }
    std::vector<Index> indexes;
    for (const auto& [name, view] : views->members()) {
        const auto* const map = view.find("map");
        const auto* const options = view.find("options");
        if (map == nullptr || options == nullptr || !options->is_object()) continue;
        auto index = index_of_map(*map);
        if (!index) continue;
        index->design = design;
        index->name = name;
        index->partitioned = partitioned;
        indexes.push_back(std::move(*index));
    }
    return indexes;
}

void append_index(std::string& out, const Index& index) {
    if (index.all_docs()) {
        out += fmt::format(R"({{"ddoc":null,"name":"_all_docs","type":"special","def":{}}})",
                           index.definition);
        return;
    }
    out += fmt::format(R"({{"ddoc":{},"name":{},"type":"json","partitioned":{},"def":{}}})",
                       json_string(index.design), json_string(index.name), index.partitioned,
                       index.definition);
}

std::vector<std::string> columns(const Index& index) {
    std::vector<std::string> names;
    for (const auto& field : index.fields) names.push_back(field.name);
    return names;
}

}  // namespace divan::storage::mango
