#include "storage/database/read_view.h"

#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

/// A commit between two reads can take away the body that the record named. It cannot do so
/// forever.
constexpr int read_winner_tries = 100;

std::optional<StoredBody> load_body(const Reader& reader, DatabaseId database, std::string_view id,
                                    const Revision& revision) {
    Bytes bytes;
    if (!reader.get(Family::bodies, keys::body(database, id, revision_key(revision)), bytes)) {
        return std::nullopt;
    }
    return StoredBody::decode(std::move(bytes));
}

std::optional<RecordHead> load_head(const Reader& reader, DatabaseId database,
                                    std::string_view id) {
    Bytes bytes;
    if (!reader.get(Family::docs, keys::document(database, id), bytes)) return std::nullopt;
    return DocumentRecord::decode_head(bytes);
}

}  // namespace

ReadView::ReadView(std::shared_ptr<const Database> database, std::unique_ptr<Snapshot> snapshot)
    : database_(std::move(database)), snapshot_(std::move(snapshot)) {
    Bytes bytes;
    if (snapshot_->get(Family::catalog, keys::state(database_->id()), bytes)) {
        state_ = DatabaseState::decode(bytes);
    }
}

std::optional<RecordHead> ReadView::head(std::string_view id) const {
    return load_head(*snapshot_, database_->id(), id);
}

std::optional<DocumentRecord> ReadView::record(std::string_view id) const {
    Bytes bytes;
    if (!snapshot_->get(Family::docs, keys::document(database_->id(), id), bytes)) {
        return std::nullopt;
    }
    return DocumentRecord::decode(bytes);
}

std::vector<std::optional<DocumentRecord>> ReadView::records(
    std::span<const std::string> ids) const {
    std::vector<Bytes> wanted;
    wanted.reserve(ids.size());
    for (const auto& id : ids) wanted.push_back(keys::document(database_->id(), id));

    std::vector<std::optional<DocumentRecord>> records;
    records.reserve(ids.size());
    for (const auto& bytes : snapshot_->get_many(Family::docs, wanted)) {
        records.emplace_back();
        if (bytes) records.back() = DocumentRecord::decode(*bytes);
    }
    return records;
}

std::optional<StoredBody> ReadView::body(std::string_view id, const Revision& revision) const {
    return load_body(*snapshot_, database_->id(), id, revision);
}

std::vector<std::optional<StoredBody>> ReadView::bodies(std::span<const BodyName> names) const {
    std::vector<Bytes> wanted;
    wanted.reserve(names.size());
    for (const auto& name : names) {
        wanted.push_back(keys::body(database_->id(), name.id, revision_key(name.revision)));
    }
    std::vector<std::optional<StoredBody>> found;
    found.reserve(names.size());
    for (auto& bytes : snapshot_->get_many(Family::bodies, wanted)) {
        found.emplace_back();
        if (bytes) found.back() = StoredBody::decode(std::move(*bytes));
    }
    return found;
}

std::optional<WinnerDocument> ReadView::winner(std::string_view id) const {
    const auto found = head(id);
    if (!found) return std::nullopt;
    auto text = body(id, found->winner);
    if (!text) throw CorruptBytes();
    return WinnerDocument{*found, std::move(*text)};
}

void ReadView::read_attachment(const StoredAttachment& attachment, std::uint64_t offset,
                               std::size_t count, Bytes& out) const {
    if (offset >= attachment.stored_bytes) return;
    auto left = std::min<std::uint64_t>(count, attachment.stored_bytes - offset);
    Bytes chunk;
    while (left > 0) {
        const auto number = static_cast<std::uint32_t>(offset / attachment_chunk_bytes);
        const auto key = keys::chunk(database_->id(), attachment.id, number);
        const auto skip = static_cast<std::size_t>(offset % attachment_chunk_bytes);
        if (!snapshot_->get(Family::attachments, key, chunk) || chunk.size() <= skip) {
            throw CorruptBytes();
        }
        const auto taken = std::min<std::uint64_t>(left, chunk.size() - skip);
        out.append(chunk, skip, static_cast<std::size_t>(taken));
        offset += taken;
        left -= taken;
    }
}

std::optional<WinnerDocument> read_winner(Database& database, std::string_view id) {
    for (int tries = 0; tries < read_winner_tries; ++tries) {
        const auto head = load_head(database.engine(), database.id(), id);
        if (!head) return std::nullopt;
        auto body = load_body(database.engine(), database.id(), id, head->winner);
        if (body) return WinnerDocument{*head, std::move(*body)};
    }
    throw CorruptBytes();
}

}  // namespace divan::storage
