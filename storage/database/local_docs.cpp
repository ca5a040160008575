#include "storage/database/local_docs.h"

#include <charconv>

#include "storage/database/read_view.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

LocalDoc decode(BytesView bytes) {
    ByteReader in(bytes);
    LocalDoc doc;
    doc.edit_count = in.varint();
    doc.body = in.rest();
    return doc;
}

}  // namespace

std::optional<LocalDoc> LocalDocs::get(std::string_view id) const {
    Bytes bytes;
    if (!database_.engine().get(Family::local, keys::local(database_.id(), id), bytes)) {
        return std::nullopt;
    }
    return decode(bytes);
}

std::uint64_t LocalDocs::put(std::string_view id, BytesView body, std::uint64_t seen) {
    const auto edit_count = seen + 1;
    Bytes bytes;
    ByteWriter out(bytes);
    out.varint(edit_count);
    out.raw(body);
    Batch batch;
    batch.put(Family::local, keys::local(database_.id(), id), std::move(bytes));
    database_.commit_aside(batch);
    return edit_count;
}

bool LocalDocs::erase(std::string_view id) {
    if (!get(id)) return false;
    Batch batch;
    batch.erase(Family::local, keys::local(database_.id(), id));
    database_.commit_aside(batch);
    return true;
}

std::optional<LocalDoc> local_doc(const ReadView& view, std::string_view id) {
    Bytes bytes;
    const auto key = keys::local(view.database().id(), id);
    if (!view.snapshot().get(Family::local, key, bytes)) return std::nullopt;
    return decode(bytes);
}

LocalDocsScan::LocalDocsScan(std::shared_ptr<const ReadView> view, IdRange range)
    : view_(std::move(view)), range_(std::move(range)) {
    const auto prefix = keys::database(view_->database().id());
    cursor_ = view_->snapshot().cursor(Family::local, prefix, keys::after_prefix(prefix));
}

const LocalDocsScan::Row* LocalDocsScan::next() {
    if (range_.limit == 0) return nullptr;
    const auto id = view_->database().id();
    const auto prefix = keys::database(id);
    const auto step = [&] { range_.descending ? cursor_->previous() : cursor_->next(); };
    if (started_) {
        if (cursor_->valid()) step();
    } else {
        started_ = true;
        if (range_.descending) {
            cursor_->seek_back(range_.start ? keys::local(id, *range_.start)
                                            : keys::after_prefix(prefix));
        } else {
            cursor_->seek(range_.start ? keys::local(id, *range_.start) : prefix);
        }
        for (; range_.skip > 0 && cursor_->valid(); --range_.skip) step();
    }
    if (!cursor_->valid()) return nullptr;
    row_.id = cursor_->key().substr(prefix.size());
    if (range_.end) {
        const auto order = row_.id.compare(*range_.end);
        const bool beyond = range_.descending ? order < 0 : order > 0;
        if (beyond || (order == 0 && !range_.inclusive_end)) return nullptr;
    }
    row_.doc = decode(cursor_->value());
    --range_.limit;
    return &row_;
}

Result<std::uint64_t> parse_local_revision(std::string_view revision) {
    const Error refused{Code::bad_request, "Invalid rev format", {}};
    if (!revision.starts_with("0-")) return refused;
    const auto* const end = revision.data() + revision.size();
    std::uint64_t edit_count = 0;
    const auto [at, failure] = std::from_chars(revision.data() + 2, end, edit_count);
    if (failure != std::errc() || at != end) return refused;
    return edit_count;
}

}  // namespace divan::storage
