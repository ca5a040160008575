#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "replication/job_settings.h"
#include "replication/peer.h"
#include "replication/progress.h"
#include "storage/base/async/signal.h"
#include "storage/base/async/task.h"
#include "storage/base/metrics.h"

namespace divan::replication {

/// Copies what one batch of changes names from `source` to `target`. What it is made from outlives
/// it; one loop's thread.
class Copier : private DocumentSink {
public:
    Copier(Peer& source, Peer& target, const JobSettings& settings, ProgressBoard& board,
           ReplicationMetrics& metrics);

    /// Returns when every revision of these changes is on the target, or was refused by it for
    /// good. Throws what the peers throw, and `PeerFailure` where the source does not give a
    /// revision that it told of, or the target could not write one for the time being.
    Task<void> copy(std::vector<SourceChange> changes);
    /// Ends a wait of its own; calls of the peers end by `Peer::cancel`.
    void cancel();

private:
    struct Written {
        std::string id;
        storage::Revision revision;
    };
    /// What the source gave of what was asked of it.
    struct Wanted {
        std::vector<storage::Revision> missing;  ///< Neither came nor was it said to be absent.
        std::size_t others = 0;  ///< Newer ones that came instead.
    };

    Task<void> take(TravellingDocument document, AttachmentSource* attachments) override;
    void absent(std::string_view id, const storage::Revision& revision, std::string_view error,
                std::string_view reason) override;

    std::vector<DocumentRevisions> select(std::vector<SourceChange> changes);
    Task<void> fetch(std::vector<DocumentRevisions> wanted);
    Task<void> pause();
    void check_complete() const;
    void came(const std::string& id, const storage::Revision& revision);
    Task<void> store_alone(TravellingDocument document, AttachmentSource* attachments);
    Task<void> flush();
    void settle(const Written& written, const StoreOutcome& outcome);
    void try_again(const std::string& id, const storage::Revision& revision,
                   std::string_view error, std::string_view reason);

    Peer& source_;
    Peer& target_;
    const JobSettings& settings_;
    ProgressBoard& board_;
    ReplicationMetrics& metrics_;
    std::vector<TravellingDocument> buffer_;
    std::size_t buffered_bytes_ = 0;
    std::map<std::string, Wanted, std::less<>> wanted_;
    std::vector<DocumentRevisions> again_;  ///< To be fetched a second time, whole.
    bool second_ = false;
    bool cancelled_ = false;
    std::optional<Signal> signal_;
};

}  // namespace divan::replication
