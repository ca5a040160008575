#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/database/database.h"
#include "storage/database/record.h"

namespace divan::storage {

/// A document as most readers want it.
struct WinnerDocument {
    RecordHead head;
    StoredBody body;
};

/// One database at one moment. Holds a snapshot of the engine: keep it no longer than an answer
/// takes. Any thread.
class ReadView {
public:
    ReadView(const Database& database, std::unique_ptr<Snapshot> snapshot);

    const Database& database() const { return database_; }
    const Snapshot& snapshot() const { return *snapshot_; }
    /// Counters and update sequence as of this view.
    const DatabaseState& state() const { return state_; }

    std::optional<RecordHead> head(std::string_view id) const;
    std::optional<DocumentRecord> record(std::string_view id) const;
    std::vector<std::optional<DocumentRecord>> records(std::span<const std::string> ids) const;
    std::optional<StoredBody> body(std::string_view id, const Revision& revision) const;
    /// Head and body of the winner, deleted or not.
    std::optional<WinnerDocument> winner(std::string_view id) const;

    /// Appends up to `count` stored bytes from `offset` on to `out`.
    void read_attachment(const StoredAttachment& attachment, std::uint64_t offset,
                         std::size_t count, Bytes& out) const;

private:
    const Database& database_;
    std::unique_ptr<Snapshot> snapshot_;
    DatabaseState state_;
};

}  // namespace divan::storage
