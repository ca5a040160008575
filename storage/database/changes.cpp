#include "storage/database/changes.h"

#include "storage/database/counted_view.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

Bytes first_key(const ReadView& view, Sequence since, bool descending) {
    const auto id = view.database().id();
    return descending ? keys::after_prefix(keys::database(id))
                      : keys::change(id, Sequence{since.value + 1});
}

}  // namespace

ChangesScan::ChangesScan(std::shared_ptr<const ReadView> view, Sequence since, bool descending)
    : view_(std::move(view)),
      descending_(descending),
      first_(first_key(*view_, since, descending)) {
    const auto prefix = keys::database(view_->database().id());
    cursor_ = view_->snapshot().cursor(Family::changes, descending_ ? prefix : first_,
                                       keys::after_prefix(prefix));
}

const Change* ChangesScan::next() {
    if (!started_) {
        started_ = true;
        descending_ ? cursor_->seek_back(first_) : cursor_->seek(first_);
    } else if (cursor_->valid()) {
        descending_ ? cursor_->previous() : cursor_->next();
    }
    if (!cursor_->valid()) return nullptr;
    change_.decode(keys::sequence_of(cursor_->key()), cursor_->value());
    return &change_;
}

std::uint64_t count_changes(const ReadView& view, Sequence since) {
    Bytes key;
    ByteWriter(key).u64(since.value + 1);
    const CountedView counted(view, CountedView::Kind::changes);
    return counted.total() - counted.before(key);
}

}  // namespace divan::storage
