#include "storage/database/counted_view.h"

#include "storage/engine/keys.h"

namespace divan::storage {

template <class F>
auto CountedView::with_counts(F use) const {
    const auto& database = view_.database();
    if (!own_) {
        const std::lock_guard lock(database.publish_mutex_);
        if (database.state_.commits == view_.state().commits) {
            return use(kind_ == Kind::documents ? database.documents_counted()
                                                : database.changes_counted());
        }
    }
    if (!own_) {
        const auto kind =
            kind_ == Kind::documents ? keys::count_documents : keys::count_changes;
        own_ = std::make_unique<RangeCounts>(
            RangeCounts::load(view_.snapshot(), database.id(), kind));
    }
    return use(*own_);
}

CountedView::CountedView(const ReadView& view, Kind kind) : view_(view), kind_(kind) {
    total_ = with_counts([](const RangeCounts& counts) { return counts.total(); });
}

std::uint64_t CountedView::before(BytesView key) const {
    const auto [first, sum] = with_counts([&](const RangeCounts& counts) {
        const auto index = counts.range_of(key);
        return std::pair(counts.range(index).first, counts.before(index));
    });
    return sum + walk(first, key);
}

std::pair<Bytes, std::uint64_t> CountedView::locate(std::uint64_t position) const {
    return with_counts([&](const RangeCounts& counts) {
        const auto [index, rest] = counts.locate(position);
        return std::pair(counts.range(index).first, rest);
    });
}

std::uint64_t CountedView::walk(BytesView from, BytesView to) const {
    const bool documents = kind_ == Kind::documents;
    Bytes prefix = keys::database(view_.database().id());
    const auto lower = prefix + Bytes(from);
    const auto upper = prefix + Bytes(to);
    const auto cursor = view_.snapshot().cursor(documents ? Family::docs : Family::changes, lower,
                                                upper);
    std::uint64_t count = 0;
    for (cursor->seek(lower); cursor->valid(); cursor->next()) {
        if (documents && DocumentRecord::decode_head(cursor->value()).deleted) continue;
        ++count;
    }
    return count;
}

}  // namespace divan::storage
