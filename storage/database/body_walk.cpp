#include "storage/database/body_walk.h"

#include "storage/database/record.h"
#include "storage/engine/keys.h"

namespace divan::storage {

namespace {

/// A seek costs as much as a few steps.
constexpr int steps_before_seek = 8;

}  // namespace

std::optional<StoredBody> BodyWalk::body(std::string_view id, const Revision& revision) {
    const auto database = view_->database().id();
    const auto key = keys::body(database, id, revision_key(revision));
    if (!cursor_) {
        const auto prefix = keys::database(database);
        cursor_ = view_->snapshot().cursor(Family::bodies, prefix, keys::after_prefix(prefix));
        cursor_->seek(key);
    }
    for (int steps = 0; cursor_->valid() && cursor_->key() < key; ++steps) {
        steps < steps_before_seek ? cursor_->next() : cursor_->seek(key);
    }
    if (!cursor_->valid() || cursor_->key() != key) return std::nullopt;
    return StoredBody::decode(Bytes(cursor_->value()));
}

}  // namespace divan::storage
