#include "server/handlers/changes_stream.h"

#include <algorithm>
#include <vector>

#include "storage/engine/keys.h"

namespace divan::server {
namespace {

using storage::Change;
using storage::DocumentRecord;
using storage::ReadView;

constexpr std::string_view design_first = "_design/";
constexpr std::string_view design_after = "_design0";
constexpr std::size_t lookups_at_once = 256;

class WholeFeed final : public ChangesStream {
public:
    WholeFeed(std::shared_ptr<const ReadView> view, Sequence since, bool descending)
        : view_(view), descending_(descending), scan_(std::move(view), since, descending) {}

    const Change* next() override { return scan_.next(); }

    std::uint64_t beyond(Sequence at) const override {
        if (!descending_) return count_changes(*view_, at);
        const auto from_here = at.value == 0 ? at : Sequence{at.value - 1};
        return count_changes(*view_, {}) - count_changes(*view_, from_here);
    }

    Sequence end(Sequence at) const override { return at; }

private:
    std::shared_ptr<const ReadView> view_;
    const bool descending_;
    storage::ChangesScan scan_;
};

Change change_of(std::string id, const DocumentRecord& record) {
    Change change;
    change.sequence = record.sequence;
    change.id = std::move(id);
    for (const auto index : record.tree.leaves()) {
        const auto& node = record.tree.node(index);
        change.leaves.push_back({node.revision, node.deleted});
    }
    return change;
}

/// Changes that were looked up by their documents.
class FoundChanges final : public ChangesStream {
public:
    FoundChanges(const ReadView& view, bool descending)
        : newest_(view.state().update_sequence), descending_(descending) {}

    void add(Change change) { changes_.push_back(std::move(change)); }

    void sort() {
        std::sort(changes_.begin(), changes_.end(), [&](const Change& a, const Change& b) {
            return before(a.sequence, b.sequence);
        });
    }

    const Change* next() override { return at_ < changes_.size() ? &changes_[at_++] : nullptr; }

    std::uint64_t beyond(Sequence at) const override {
        return static_cast<std::uint64_t>(
            std::count_if(changes_.begin(), changes_.end(),
                          [&](const Change& change) { return before(at, change.sequence); }));
    }

    /// All that came before was looked at.
    Sequence end(Sequence at) const override { return descending_ ? at : newest_; }

private:
    bool before(Sequence a, Sequence b) const { return descending_ ? b < a : a < b; }

    const Sequence newest_;
    const bool descending_;
    std::vector<Change> changes_;
    std::size_t at_ = 0;
};

void find_by_id(FoundChanges& found, const ReadView& view, const std::vector<std::string>& ids,
                Sequence since) {
    for (std::size_t from = 0; from < ids.size(); from += lookups_at_once) {
        const auto count = std::min(lookups_at_once, ids.size() - from);
        const auto records = view.records(std::span(ids).subspan(from, count));
        for (std::size_t i = 0; i < count; ++i) {
            if (!records[i] || records[i]->sequence <= since) continue;
            found.add(change_of(ids[from + i], *records[i]));
        }
    }
}

void find_designs(FoundChanges& found, const ReadView& view, Sequence since) {
    const auto id = view.database().id();
    const auto first = storage::keys::document(id, design_first);
    const auto after = storage::keys::document(id, design_after);
    const auto cursor = view.snapshot().cursor(storage::Family::docs, first, after);
    for (cursor->seek(first); cursor->valid(); cursor->next()) {
        if (DocumentRecord::decode_head(cursor->value()).sequence <= since) continue;
        found.add(change_of(std::string(storage::keys::id_of(cursor->key())),
                            DocumentRecord::decode(cursor->value())));
    }
}

}  // namespace

std::unique_ptr<ChangesStream> open_changes(std::shared_ptr<const ReadView> view,
                                            const ChangesFilter& filter, Sequence since,
                                            bool descending) {
    const bool by_id = filter.kind == ChangesFilter::Kind::doc_ids;
    if (!by_id && filter.kind != ChangesFilter::Kind::design) {
        return std::make_unique<WholeFeed>(std::move(view), since, descending);
    }
    auto found = std::make_unique<FoundChanges>(*view, descending);
    const auto from = descending ? Sequence{} : since;
    if (by_id) {
        find_by_id(*found, *view, filter.doc_ids, from);
    } else {
        find_designs(*found, *view, from);
    }
    found->sort();
    return found;
}

}  // namespace divan::server
