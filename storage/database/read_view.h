#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/database/database.h"
#include "storage/database/record.h"

namespace divan::storage {

/// How attachments are cut in family `attachments`; only the last chunk is shorter.
inline constexpr std::size_t attachment_chunk_bytes = 256U << 10;

/// A document as most readers want it.
struct WinnerDocument {
    RecordHead head;
    StoredBody body;
};

/// One database at one moment. Holds a snapshot of the engine: keep it no longer than an answer
/// takes. Any thread.
class ReadView {
public:
    ReadView(std::shared_ptr<const Database> database, std::unique_ptr<Snapshot> snapshot);

    const Database& database() const { return *database_; }
    const Snapshot& snapshot() const { return *snapshot_; }
    /// Counters and update sequence as of this view.
    const DatabaseState& state() const { return state_; }

    std::optional<RecordHead> head(std::string_view id) const;
    std::optional<DocumentRecord> record(std::string_view id) const;
    std::vector<std::optional<DocumentRecord>> records(std::span<const std::string> ids) const;
    std::optional<StoredBody> body(std::string_view id, const Revision& revision) const;
    struct BodyName {
        std::string_view id;
        Revision revision;
    };
    /// As many answers as names, in their order.
    std::vector<std::optional<StoredBody>> bodies(std::span<const BodyName> names) const;
    /// Head and body of the winner, deleted or not.
    std::optional<WinnerDocument> winner(std::string_view id) const;

    /// Appends up to `count` stored bytes from `offset` on to `out`.
    void read_attachment(const StoredAttachment& attachment, std::uint64_t offset,
                         std::size_t count, Bytes& out) const;

private:
    std::shared_ptr<const Database> database_;
    std::unique_ptr<Snapshot> snapshot_;
    DatabaseState state_;
};

/// The newest winner of one document, deleted or not, without a snapshot: the quickest read.
std::optional<WinnerDocument> read_winner(Database& database, std::string_view id);

}  // namespace divan::storage
