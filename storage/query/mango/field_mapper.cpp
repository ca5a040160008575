#include "storage/query/mango/field_mapper.h"

#include <optional>
#include <string>
#include <vector>

#include "storage/document/design_document.h"
#include "storage/query/mango/field_path.h"
#include "storage/query/mango/index.h"

namespace divan::storage::mango {
namespace {

/// The rows of one view.
struct Tree {
    std::vector<FieldPath> fields;
    std::optional<Selector> filter;
};

/// Empty where the map is no index.
std::optional<Tree> tree_of(const JsonValue& map) {
    auto index = index_of_map(map);
    if (!index) return std::nullopt;
    Tree tree;
    for (const auto& field : index->fields) {
        auto path = parse_field(field.name);
        if (!path) return std::nullopt;
        tree.fields.push_back(std::move(*path));
    }
    tree.filter = std::move(index->partial_filter);
    return tree;
}

class FieldMapper final : public Mapper {
public:
    explicit FieldMapper(std::span<const JsonValue> maps) {
        for (const auto& map : maps) trees_.push_back(tree_of(map));
    }

    MappedRows map(std::span<const MapDocument> documents) override {
        return [this, documents](RowSink& rows) { emit_all(documents, rows); };
    }

private:
    void emit_all(std::span<const MapDocument> documents, RowSink& rows) const {
        Bytes key;
        for (std::size_t i = 0; i < documents.size(); ++i) {
            if (is_design_id(documents[i].id)) continue;
            for (std::size_t tree = 0; tree < trees_.size(); ++tree) {
                const auto& made = trees_[tree];
                if (made && make_key(documents[i].json, *made, key)) {
                    rows.emit(i, tree, key, "null");
                }
            }
        }
    }

    static bool make_key(BytesView document, const Tree& tree, Bytes& key) {
        if (tree.filter && !tree.filter->matches(document)) return false;
        const JsonText whole(document);
        key.assign(1, '[');
        for (const auto& path : tree.fields) {
            const auto field = find_field(whole, path);
            if (!field.value) return false;
            if (key.size() > 1) key.push_back(',');
            key += field.value->raw();
        }
        key.push_back(']');
        return true;
    }

    std::vector<std::optional<Tree>> trees_;
};

}  // namespace

std::shared_ptr<Mapper> make_field_mapper(std::span<const JsonValue> maps) {
    return std::make_shared<FieldMapper>(maps);
}

}  // namespace divan::storage::mango
