#include "server/handlers/changes/changes_stream.h"

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
/// `[couchdb] changes_doc_ids_optimization_threshold`: beyond it CouchDB walks the feed.
constexpr std::size_t looked_up_max = 1000;

/// Changes from the other side of `at` to the end of the walk.
std::uint64_t count_beyond(const ReadView& view, Sequence at, bool descending) {
    if (!descending) return count_changes(view, at);
    const auto from_here = at.value == 0 ? at : Sequence{at.value - 1};
    return count_changes(view, {}) - count_changes(view, from_here);
}

class WholeFeed final : public ChangesStream {
public:
    WholeFeed(std::shared_ptr<const ReadView> view, Sequence since, bool descending)
        : view_(view), descending_(descending), scan_(std::move(view), since, descending) {}

    const Change* next() override { return scan_.next(); }
    std::uint64_t pending(Sequence at) const override {
        return count_beyond(*view_, at, descending_);
    }
    Sequence end(Sequence at) const override { return at; }
    std::uint64_t pending_at_end() const override { return 0; }

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
///
/// Where CouchDB looks documents up it counts as pending every change that was not looked at, those
/// of other documents too, and goes on doing so at the end (couch_changes:send_lookup_changes/6).
/// `tells_all` is for where it walks the feed instead.
class FoundChanges final : public ChangesStream {
public:
    FoundChanges(std::shared_ptr<const ReadView> view, Sequence since, bool descending,
                 bool tells_all)
        : view_(std::move(view)),
          descending_(descending),
          tells_all_(tells_all),
          pending_(count_changes(*view_, descending ? Sequence{} : since)) {}

    void add(Change change) { changes_.push_back(std::move(change)); }

    void sort() {
        std::sort(changes_.begin(), changes_.end(), [&](const Change& a, const Change& b) {
            return before(a.sequence, b.sequence);
        });
    }

    const Change* next() override { return at_ < changes_.size() ? &changes_[at_++] : nullptr; }

    std::uint64_t pending(Sequence at) const override {
        if (tells_all_) return count_beyond(*view_, at, descending_);
        const auto told = std::count_if(changes_.begin(), changes_.end(), [&](const auto& change) {
            return !before(at, change.sequence);
        });
        return pending_ - std::min(pending_, static_cast<std::uint64_t>(told));
    }

    /// All that came before was looked at.
    Sequence end(Sequence at) const override {
        return descending_ ? at : view_->state().update_sequence;
    }
    std::uint64_t pending_at_end() const override {
        return tells_all_ ? 0 : pending_ - std::min<std::uint64_t>(pending_, changes_.size());
    }

private:
    bool before(Sequence a, Sequence b) const { return descending_ ? b < a : a < b; }

    std::shared_ptr<const ReadView> view_;
    const bool descending_;
    const bool tells_all_;
    const std::uint64_t pending_;
    std::vector<Change> changes_;
    std::size_t at_ = 0;
};

void find_by_id(FoundChanges& found, const ReadView& view, std::span<const std::string> ids,
                Sequence since) {
    for (std::size_t from = 0; from < ids.size(); from += lookups_at_once) {
        const auto count = std::min(lookups_at_once, ids.size() - from);
        const auto records = view.records(ids.subspan(from, count));
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
                                            bool descending, bool again) {
    const bool by_id = filter.kind == ChangesFilter::Kind::doc_ids;
    if (!by_id && filter.kind != ChangesFilter::Kind::design) {
        return std::make_unique<WholeFeed>(std::move(view), since, descending);
    }
    const bool tells_all = by_id && filter.doc_ids.size() > looked_up_max;
    auto found = std::make_unique<FoundChanges>(view, since, descending, tells_all);
    const auto from = descending ? Sequence{} : since;
    if (by_id) {
        auto ids = filter.doc_ids;
        if (tells_all || again) ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
        find_by_id(*found, *view, ids, from);
    } else {
        find_designs(*found, *view, from);
    }
    found->sort();
    return found;
}

}  // namespace divan::server
