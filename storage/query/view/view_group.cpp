#include "storage/query/view/view_group.h"

#include <algorithm>
#include <set>

#include "storage/base/digest.h"
#include "storage/base/error.h"
#include "storage/document/design_document.h"
#include "storage/query/mango/field_mapper.h"
#include "storage/query/view/script_functions.h"

namespace divan::storage {
namespace {

/// What changes with the way that rows are made or stored.
constexpr std::string_view signature_version = "1";

/// Views with the same map function and options.
struct MapSource {
    JsonValue map;
    JsonValue options;
    std::set<std::string> reduces;
    std::vector<std::pair<std::string, std::string>> names;  ///< And the reduce function, or "".
};

const JsonValue* object_member(const JsonValue& object, std::string_view name) {
    const auto* found = object.find(name);
    return found != nullptr && found->is_object() ? found : nullptr;
}

bool flag(const JsonValue* options, std::string_view name, bool otherwise) {
    const auto* found = options == nullptr ? nullptr : options->find(name);
    return found != nullptr && found->is_bool() ? found->boolean() : otherwise;
}

/// By their text, so that the order in the design document does not matter.
std::map<std::string, MapSource> sources_of(const JsonValue& views) {
    std::map<std::string, MapSource> sources;
    for (const auto& [name, view] : views.members()) {
        const auto* map = view.is_object() ? view.find("map") : nullptr;
        if (map == nullptr) continue;  // `lib`, and what is no view.
        const auto* options = object_member(view, "options");
        const auto key = map->dump() + (options == nullptr ? "{}" : options->dump());
        auto& source = sources[key];
        source.map = *map;
        if (options != nullptr) source.options = *options;
        const auto* reduce = view.find("reduce");
        const auto text = reduce != nullptr && reduce->is_string() ? reduce->string() : "";
        if (!text.empty()) source.reduces.insert(text);
        source.names.emplace_back(name, text);
    }
    return sources;
}

Collation collation_of(const JsonValue& options) {
    const auto* collation = options.find("collation");
    const bool raw = collation != nullptr && collation->is_string() && collation->string() == "raw";
    return raw ? Collation::raw : Collation::unicode;
}

/// Of a language that nobody here speaks: the views are there, and cannot be built.
class NoMapper final : public Mapper {
public:
    explicit NoMapper(std::string language) : language_(std::move(language)) {}
    MappedRows map(std::span<const MapDocument>) override { refuse_language(language_); }

private:
    const std::string language_;
};

class GroupMaker {
public:
    GroupMaker(const js::Design& design, const ViewEnvironment& environment)
        : design_(design), environment_(environment), body_(parse_json(design.body).value()) {}

    std::shared_ptr<const ViewGroup> make(bool partitioned) {
        const auto* language = body_.find("language");
        group_->language =
            language != nullptr && language->is_string() ? language->string() : "javascript";
        const auto* options = object_member(body_, "options");
        auto definition = std::make_shared<IndexDefinition>();
        definition->design = design_.id;
        definition->include_design = flag(options, "include_design", false);
        definition->local_seq = flag(options, "local_seq", false);
        definition->partitioned = partitioned && flag(options, "partitioned", true);
        std::string signed_text = std::string(signature_version) + group_->language +
                                  (options == nullptr ? "{}" : options->dump()) +
                                  (definition->partitioned ? "p" : "g");
        if (const auto* views = object_member(body_, "views")) {
            if (const auto* lib = object_member(*views, "lib")) signed_text += lib->dump();
            for (const auto& [text, source] : sources_of(*views)) {
                add_tree(source, *definition);
                signed_text += json_string(text);
                for (const auto& reduce : source.reduces) signed_text += json_string(reduce);
            }
        }
        definition->signature = hex_encode(as_bytes(md5(signed_text)));
        definition->mapper = make_mapper();
        group_->definition = std::move(definition);
        return group_;
    }

private:
    void add_tree(const MapSource& source, IndexDefinition& definition) {
        const auto tree = definition.trees.size();
        definition.trees.push_back({collation_of(source.options), {}});
        auto& reducers = group_->reducers.emplace_back();
        for (const auto& reduce : source.reduces) {
            auto reducer = is_builtin_reduce(reduce)
                               ? make_builtin_reducer(reduce, environment_.settings)
                               : make_script_reducer(functions(), reduce);
            if (!reducer) {
                throw Refused(Code::invalid_design_doc,
                              "`" + reduce + "` is not a supported reduce function.");
            }
            definition.trees.back().reducers.push_back(reducer);
            reducers.push_back(std::move(reducer));
        }
        for (const auto& [name, reduce] : source.names) {
            ViewGroup::View view{tree, std::nullopt};
            if (!reduce.empty()) {
                view.reducer = static_cast<std::size_t>(
                    std::distance(source.reduces.begin(), source.reduces.find(reduce)));
            }
            group_->views[name] = view;
        }
        maps_.push_back(source.map);
    }

    std::shared_ptr<Mapper> make_mapper() {
        if (is_language(group_->language, "query")) return mango::make_field_mapper(maps_);
        if (!is_language(group_->language, "javascript")) {
            if (maps_.empty()) return nullptr;
            return std::make_shared<NoMapper>(group_->language);
        }
        std::vector<std::string> sources;
        for (const auto& map : maps_) {
            sources.push_back(map.is_string() ? map.string() : map.dump());
        }
        return make_script_mapper(functions(), std::move(sources));
    }

    const std::shared_ptr<js::Functions>& functions() {
        if (!functions_) functions_ = environment_.javascript.functions(design_);
        return functions_;
    }

    const js::Design& design_;
    const ViewEnvironment& environment_;
    const JsonValue body_;
    std::shared_ptr<ViewGroup> group_ = std::make_shared<ViewGroup>();
    std::shared_ptr<js::Functions> functions_;  // Shared by mapper and reducers.
    std::vector<JsonValue> maps_;               ///< By tree.
};

}  // namespace

const ViewGroup::View& ViewGroup::view(std::string_view name) const {
    const auto found = views.find(name);
    if (found == views.end()) throw Refused(Code::not_found, "missing_named_view");
    return found->second;
}

std::shared_ptr<const ViewGroup> make_view_group(const js::Design& design, bool partitioned,
                                                 const ViewEnvironment& environment) {
    return GroupMaker(design, environment).make(partitioned);
}

}  // namespace divan::storage
