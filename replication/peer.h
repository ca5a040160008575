#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/async/task.h"
#include "storage/document/revision.h"

namespace divan::replication {

/// What a peer could not do. Thrown out of the tasks of `Peer`.
class PeerFailure : public std::exception {
public:
    enum class Kind : std::uint8_t {
        not_found,     ///< No such database (or document).
        unauthorized,  ///< 401: who we are is not accepted.
        forbidden,     ///< 403.
        rejected,      ///< Any other answer that trying again will not change.
        unreachable,   ///< No connection, no answer, a 5xx, 429, or an answer that was cut off.
        malformed,     ///< An answer that is not what the protocol says.
        cancelled,     ///< `Peer::cancel` was called.
    };
    /// `error` is CouchDB's name of it, as "db_not_found". `reason` never holds credentials.
    /// `status` is that of the HTTP answer; 0 where there was none.
    PeerFailure(Kind kind, std::string error, std::string reason, int status = 0)
        : kind_(kind), error_(std::move(error)), reason_(std::move(reason)), status_(status) {}

    Kind kind() const { return kind_; }
    const std::string& error() const { return error_; }
    const std::string& reason() const { return reason_; }
    int status() const { return status_; }
    const char* what() const noexcept override { return reason_.c_str(); }

private:
    Kind kind_;
    std::string error_;
    std::string reason_;
    int status_;
};

struct PeerInfo {
    std::string update_sequence;      ///< As JSON text: a string with its quotes, or a number.
    std::string instance_start_time;  ///< "" where the peer has none.
    std::uint64_t purge_sequence_number = 0;
};

struct SourceChange {
    std::string id;
    std::string sequence;  ///< JSON text. Opaque.
    std::vector<storage::Revision> leaves;
    bool deleted = false;
};

struct ChangesBatch {
    std::vector<SourceChange> rows;
    std::string last_sequence;  ///< JSON text; of the last row, or of the feed's end.
    std::optional<std::uint64_t> pending;  ///< Changes after it, where the peer said so.
    bool ended = false;         ///< There is no more: a normal feed was read to its end.
};

struct ChangesQuery {
    std::string since = "0";  ///< JSON text.
    bool continuous = false;
    bool winning_revisions_only = false;  ///< `style=main_only`.
    std::vector<std::string> doc_ids;     ///< Where none, but `filter` is "_doc_ids": no document.
    std::optional<std::string> selector;  ///< JSON text.
    std::string filter;                   ///< "ddoc/name", "_view", …; empty: none.
    std::vector<std::pair<std::string, std::string>> query_params;
};

/// One feed. Destroy it to end it.
class ChangesFeed {
public:
    virtual ~ChangesFeed() = default;
    /// Up to `rows_max` rows, at least one unless `ended`. A continuous feed waits for the first
    /// row as long as it takes, and for no other; the peer may reconnect below.
    /// It may return none too, where the sequence went on without a row (of a filtered feed), or
    /// where `pending` is another than before.
    virtual Task<ChangesBatch> next(std::size_t rows_max) = 0;
    /// A `next` that waits, and every later one, ends with `cancelled`. The peer stays usable.
    virtual void cancel() = 0;
};

struct DocumentRevisions {
    std::string id;
    std::vector<storage::Revision> revisions;
    std::vector<storage::Revision> possible_ancestors;  ///< Only in answers of `missing`.
};

/// A document on its way, with `_id`, `_rev`, `_revisions`, `_deleted` in its text.
struct TravellingDocument {
    std::string id;
    storage::Revision revision;
    std::string json;  ///< Attachments that come along say `"follows":true`, others are stubs.
    /// Encoded bytes of the attachments that follow, in the text's order, as `encoded_length` where
    /// there is one, else `length`.
    std::vector<std::uint64_t> attachment_bytes;
    /// All its attachments are in the text, as `data`: it needs nothing that the target has.
    bool whole = false;

    bool has_attachments() const { return !attachment_bytes.empty(); }
};

/// The bytes of the attachments that follow a document, one after another.
class AttachmentSource {
public:
    virtual ~AttachmentSource() = default;
    /// Appends some bytes of attachment number `index` to `out`; false at its end. Attachments are
    /// read in order, each to its end.
    virtual Task<bool> read(std::size_t index, std::string& out) = 0;
};

/// Takes documents as they arrive; who fetches waits until it returns.
class DocumentSink {
public:
    virtual ~DocumentSink() = default;
    /// `attachments` is null where none follow; it is good until the task ends.
    virtual Task<void> take(TravellingDocument document, AttachmentSource* attachments) = 0;
    /// The source answered that it does not have this revision (any more), or refused it.
    virtual void absent(std::string_view id, const storage::Revision& revision,
                        std::string_view error, std::string_view reason) = 0;
};

/// Of `_bulk_get` since the peer was made: revisions asked for, and documents that came.
struct BulkGetCounts {
    std::uint64_t attempts = 0;
    std::uint64_t documents = 0;
};

struct StoreOutcome {
    bool stored = true;
    std::string error;   ///< "forbidden", "unauthorized", … of a write the target refused for good.
    std::string reason;
};

/// What a replicator needs of a database: one that is here, or one behind a URL. Made on an event
/// loop and used on it alone. Every task may throw `PeerFailure`; a peer retries by itself what its
/// settings tell it to, before it throws.
class Peer {
public:
    virtual ~Peer() = default;

    /// As it is shown and put into histories and replication ids: no password in it.
    virtual const std::string& name() const = 0;

    virtual Task<PeerInfo> info() = 0;
    /// `parameters` are `create_target_params`. Somebody else having made it is fine.
    virtual Task<void> create(std::vector<std::pair<std::string, std::string>> parameters) = 0;

    /// The body of `_local/ID`, `_id` and `_rev` included; none where there is no such.
    virtual Task<std::optional<std::string>> local_document(std::string_view id) = 0;
    /// `json` without `_id`. `revision` is the `_rev` last seen, empty at first. Returns the new
    /// one. Throws `rejected` with status 409 where another was faster.
    virtual Task<std::string> put_local_document(std::string_view id, std::string json,
                                                 std::string revision) = 0;

    virtual Task<std::unique_ptr<ChangesFeed>> changes(ChangesQuery query) = 0;
    /// Which of these the database lacks.
    virtual Task<std::vector<DocumentRevisions>> missing(
        std::vector<DocumentRevisions> asked) = 0;
    /// Reads these revisions (or newer ones that replaced them: `latest=true`) and hands them to
    /// `sink`, in any order. Attachments that `possible_ancestors` have already come as stubs.
    virtual Task<void> fetch(std::vector<DocumentRevisions> wanted, DocumentSink& sink) = 0;
    virtual BulkGetCounts bulk_get_counts() const { return {}; }

    /// Writes documents as they are (`new_edits=false`), an outcome each. Durable when it returns
    /// (a peer of CouchDB's kind: after `ensure_durable`). A peer splits what is too much for one
    /// request.
    virtual Task<std::vector<StoreOutcome>> store(std::vector<TravellingDocument> documents) = 0;
    /// The same for one whose attachments follow; streamed.
    virtual Task<StoreOutcome> store_streamed(TravellingDocument document,
                                              AttachmentSource& attachments) = 0;
    /// `_ensure_full_commit`: what was stored is on disk. Returns the instance_start_time, which
    /// changes where the peer restarted and may have lost what it had not written.
    virtual Task<std::string> ensure_durable() = 0;

    /// Whatever waits in this peer ends with `cancelled`, now and from now on.
    virtual void cancel() = 0;
};

}  // namespace divan::replication
