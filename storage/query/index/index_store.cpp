#include "storage/query/index/index_store.h"

#include <algorithm>

#include "storage/base/random.h"
#include "storage/engine/keys.h"
#include "storage/query/collation.h"

namespace divan::storage {
namespace {

constexpr std::uint8_t head_version = 1;

/// One of a document's back-references: what finds a row of it again.
struct Reference {
    std::uint32_t tree;
    BytesView collation_key;
    std::uint32_t number;
};

void append_reference(ByteWriter& out, const RowBatch::Row& row) {
    out.varint(row.tree);
    out.sized(row.row.collation_key());
    out.varint(row_number(row.row));
}

Reference read_reference(ByteReader& in) {
    Reference reference{};
    reference.tree = static_cast<std::uint32_t>(in.varint());
    reference.collation_key = in.sized();
    reference.number = static_cast<std::uint32_t>(in.varint());
    return reference;
}

Bytes entry_of(const Reference& reference, std::string_view id) {
    Bytes entry(reference.collation_key);
    ByteWriter out(entry);
    out.ordered(id);
    if (reference.number > 0) out.u32(reference.number);
    return entry;
}

bool by_entry(const RowEdit& a, const RowEdit& b) {
    return a.row.entry < b.row.entry;
}

/// Old rows and new ones, each entry once: a row that is both stays, as the new one.
std::vector<RowEdit> merged(std::vector<RowEdit> old_rows, std::vector<RowEdit> new_rows) {
    if (old_rows.empty()) return new_rows;
    std::sort(old_rows.begin(), old_rows.end(), by_entry);
    std::vector<RowEdit> all;
    all.reserve(old_rows.size() + new_rows.size());
    std::merge(new_rows.begin(), new_rows.end(), old_rows.begin(), old_rows.end(),
               std::back_inserter(all), by_entry);
    all.erase(std::unique(all.begin(), all.end(),
                          [](const auto& a, const auto& b) { return a.row.entry == b.row.entry; }),
              all.end());
    return all;
}

void erase_contents(Batch& batch, DatabaseId database, std::uint64_t number) {
    for (auto& prefix :
         {keys::index_nodes_of(database, number), keys::back_references_of(database, number)}) {
        batch.erase_range(Family::index, prefix, keys::after_prefix(prefix));
    }
}

}  // namespace

Bytes IndexHead::encode() const {
    Bytes bytes;
    ByteWriter out(bytes);
    out.u8(head_version);
    out.varint(number);
    out.sized(collator);
    out.varint(sequence.value);
    out.varint(purge_sequence);
    out.varint(trees.size());
    for (const auto& tree : trees) tree.encode(out);
    return bytes;
}

IndexHead IndexHead::decode(BytesView bytes) {
    ByteReader in(bytes);
    if (in.u8() != head_version) throw CorruptBytes();
    IndexHead head;
    head.number = in.varint();
    head.collator = in.sized();
    head.sequence = Sequence{in.varint()};
    head.purge_sequence = in.varint();
    for (auto left = in.varint(); left > 0; --left) head.trees.push_back(TreeState::decode(in));
    return head;
}

std::optional<IndexHead> read_index_head(const Reader& reader, DatabaseId database,
                                         std::string_view name) {
    Bytes bytes;
    if (!reader.get(Family::index, keys::index_head(database, name), bytes)) return std::nullopt;
    return IndexHead::decode(bytes);
}

std::vector<std::string> index_names(const Reader& reader, DatabaseId database) {
    std::vector<std::string> names;
    const auto prefix = keys::index_heads_of(database);
    const auto cursor = reader.cursor(Family::index, prefix, keys::after_prefix(prefix));
    for (cursor->seek(prefix); cursor->valid(); cursor->next()) {
        names.emplace_back(keys::index_name_of(cursor->key()));
    }
    return names;
}

IndexStore::IndexStore(Database& database, const IndexDefinition& definition, TreeShape shape)
    : database_(database), definition_(definition), shape_(shape) {
    auto found = read_index_head(database_.engine(), database_.id(), definition_.name());
    if (found) head_ = std::move(*found);
    const auto purges = database_.state().purge_sequence;
    if (!found) {
        create(purges);
    } else if (head_.trees.size() != definition_.trees.size() ||
               head_.collator != sort_key_version()) {
        reset(purges);
    }
}

void IndexStore::create(std::uint64_t purge_sequence) {
    head_ = {};
    head_.number = random_u64();
    head_.collator = sort_key_version();
    head_.purge_sequence = purge_sequence;
    head_.trees.resize(definition_.trees.size());
    Batch batch;
    batch.put(Family::index, head_key(), head_.encode());
    database_.commit_aside(batch, Durability::buffered);
}

void IndexStore::reset(std::uint64_t purge_sequence) {
    Batch batch;
    erase_contents(batch, database_.id(), head_.number);
    database_.commit_aside(batch, Durability::buffered);
    create(purge_sequence);
}

Bytes IndexStore::head_key() const {
    return keys::index_head(database_.id(), definition_.name());
}

void IndexStore::apply(const RowBatch& batch, Sequence sequence, std::uint64_t purge_sequence,
                       bool fresh) {
    std::vector<std::vector<RowEdit>> old_rows(head_.trees.size());
    std::vector<std::vector<RowEdit>> new_rows(head_.trees.size());
    std::vector<bool> had_rows(batch.ids().size(), false);
    std::vector<Bytes> held;
    if (!fresh) add_old_rows(batch, old_rows, had_rows, held);
    for (const auto& row : batch.rows()) new_rows[row.tree].push_back({row.row, false});

    Batch changes;
    auto head = head_;
    for (std::size_t i = 0; i < head.trees.size(); ++i) {
        const auto edits = merged(std::move(old_rows[i]), std::move(new_rows[i]));
        if (edits.empty()) continue;
        const TreeAddress address{database_.id(), head.number, static_cast<std::uint32_t>(i)};
        TreeEditor editor(database_.engine(), changes, address, definition_.trees[i].reducers,
                          shape_);
        head.trees[i] = editor.apply(head.trees[i], edits);
        head.trees[i].changed = sequence;
    }
    put_references(batch, had_rows, changes);
    head.sequence = sequence;
    head.purge_sequence = purge_sequence;
    changes.put(Family::index, head_key(), head.encode());
    database_.commit_aside(changes, Durability::buffered);
    head_ = std::move(head);
}

void IndexStore::add_old_rows(const RowBatch& batch, std::vector<std::vector<RowEdit>>& edits,
                              std::vector<bool>& had_rows, std::vector<Bytes>& held) const {
    std::vector<Bytes> wanted;
    wanted.reserve(batch.ids().size());
    for (const auto id : batch.ids()) {
        wanted.push_back(keys::back_references(database_.id(), head_.number, id));
    }
    const auto found = database_.engine().get_many(Family::index, wanted);
    std::vector<std::pair<std::uint32_t, std::size_t>> rows;  // Tree, and which of `held`.
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (!found[i]) continue;
        had_rows[i] = true;
        for (ByteReader in(*found[i]); !in.empty();) {
            const auto reference = read_reference(in);
            if (reference.tree >= edits.size()) throw CorruptBytes();
            rows.emplace_back(reference.tree, held.size());
            held.push_back(entry_of(reference, batch.ids()[i]));
        }
    }
    // Only now `held` stays where it is.
    for (const auto& [tree, at] : rows)
        edits[tree].push_back({
            {held[at], 0, {}, {}},
            true
        });
}

void IndexStore::put_references(const RowBatch& batch, const std::vector<bool>& had_rows,
                                Batch& out) const {
    std::vector<std::vector<std::uint32_t>> of_document(batch.ids().size());
    for (std::size_t i = 0; i < batch.rows().size(); ++i) {
        of_document[batch.rows()[i].document].push_back(static_cast<std::uint32_t>(i));
    }
    for (std::size_t i = 0; i < of_document.size(); ++i) {
        auto key = keys::back_references(database_.id(), head_.number, batch.ids()[i]);
        if (of_document[i].empty()) {
            if (had_rows[i]) out.erase(Family::index, std::move(key));
            continue;
        }
        Bytes value;
        ByteWriter writer(value);
        for (const auto row : of_document[i]) append_reference(writer, batch.rows()[row]);
        out.put(Family::index, std::move(key), std::move(value));
    }
}

void erase_index(Database& database, std::string_view name) {
    const auto head = read_index_head(database.engine(), database.id(), name);
    if (!head) return;
    Batch batch;
    batch.erase(Family::index, keys::index_head(database.id(), name));
    erase_contents(batch, database.id(), head->number);
    database.commit_aside(batch, Durability::buffered);
}

}  // namespace divan::storage
