#include "storage/query/mango/index_cache.h"

#include <algorithm>
#include <iterator>

#include "storage/engine/keys.h"

namespace divan::storage::mango {

std::shared_ptr<const IndexCache::Entry> IndexCache::entry_of(const ReadView& view) {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(view.database().entry().uuid);
    return found == entries_.end() ? nullptr : found->second;
}

Indexes IndexCache::known(const ReadView& view) {
    const auto known = entry_of(view);
    return known && known->commits == view.state().commits ? known->indexes : nullptr;
}

Indexes IndexCache::of(const ReadView& view) {
    const auto& uuid = view.database().entry().uuid;
    const auto commits = view.state().commits;
    const auto known = entry_of(view);
    if (known && known->commits == commits) return known->indexes;
    auto designs = read_designs(view);
    auto indexes =
        known && known->designs == designs ? known->indexes : read_indexes(view, designs);
    auto entry = std::make_shared<const Entry>(Entry{commits, std::move(designs), indexes});
    const std::lock_guard lock(mutex_);
    if (entries_.size() >= entries_max) entries_.clear();
    entries_.insert_or_assign(uuid, std::move(entry));
    return indexes;
}

std::vector<IndexCache::Design> IndexCache::read_designs(const ReadView& view) {
    const auto id = view.database().id();
    const auto cursor = view.snapshot().cursor(Family::docs, keys::document(id, "_design/"),
                                               keys::document(id, "_design0"));
    std::vector<Design> designs;
    for (cursor->seek(keys::document(id, "_design/")); cursor->valid(); cursor->next()) {
        auto head = DocumentRecord::decode_head(cursor->value());
        if (head.deleted) continue;
        designs.push_back({std::string(keys::id_of(cursor->key())), std::move(head.winner)});
    }
    return designs;
}

Indexes IndexCache::read_indexes(const ReadView& view, const std::vector<Design>& designs) {
    std::vector<Index> indexes{all_docs_index()};
    for (const auto& design : designs) {
        const auto body = view.body(design.id, design.winner);
        if (!body) continue;
        auto found = indexes_of(design.id, parse_json(body->text()).value(),
                                view.database().entry().partitioned);
        std::move(found.begin(), found.end(), std::back_inserter(indexes));
    }
    std::sort(indexes.begin(), indexes.end());
    return std::make_shared<const std::vector<Index>>(std::move(indexes));
}

}  // namespace divan::storage::mango
