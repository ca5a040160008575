#include "server/replication/local_peer.h"

#include <algorithm>
#include <atomic>
#include <list>
#include <optional>
#include <utility>

#include "auth/accounts.h"
#include "auth/permissions.h"
#include "auth/user_document.h"
#include "server/config/config.h"
#include "server/handlers/bulk/bulk_edits.h"
#include "server/handlers/bulk/missing_revisions.h"
#include "server/handlers/databases/database.h"
#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/local_docs.h"
#include "server/handlers/documents/related_upload.h"
#include "server/handlers/documents/user_documents.h"
#include "server/replication/local_documents.h"
#include "server/replication/local_failure.h"
#include "server/replication/local_feed.h"
#include "storage/base/json.h"

// Writes take the steps that handlers take, which want a `Call`: so the peer has one of its own,
// whose request is what CouchDB's replicator would have sent.

namespace divan::server {
namespace {

using namespace replication;
using storage::ClientDocument;

constexpr std::string_view local_prefix = "_local/";
constexpr std::string_view own_address = "127.0.0.1";

StoreOutcome refused_outcome(const Error& error) {
    // What time may heal is no refusal: the whole step is tried again.
    if (may_heal(error)) throw peer_failure(error);
    const auto failure = peer_failure(error);
    return {false, failure.error(), failure.reason()};
}

/// A document that comes from a peer must be one that may be replicated.
ClientDocument parse_travelling(std::string_view json) {
    auto document = storage::parse_client_document(json).value();
    if (!document.id) throw Refused(Code::illegal_docid, "Document id must not be empty");
    storage::validate_document_id(*document.id).value();
    if (document.id->starts_with(local_prefix)) {
        throw Refused(Code::illegal_docid, "Local documents are not replicated");
    }
    return document;
}

std::optional<std::string> stamp_of(const Services& services, const Identity& who) {
    const bool of_account = !who.session_id.empty() || who.authenticated_by == "default" ||
                            who.authenticated_by == "cookie";
    if (!of_account) return std::nullopt;
    const auto account = services.accounts.find(who.name);
    return account ? account->stamp : std::string();
}

class LocalPeer final : public Peer {
public:
    LocalPeer(Services& services, std::string database, std::string shown_name, Identity who);

    const std::string& name() const override { return shown_name_; }
    Task<PeerInfo> info() override;
    Task<void> create(std::vector<std::pair<std::string, std::string>> parameters) override;
    Task<std::optional<std::string>> local_document(std::string_view id) override;
    Task<std::string> put_local_document(std::string_view id, std::string json,
                                         std::string revision) override;
    Task<std::unique_ptr<ChangesFeed>> changes(ChangesQuery query) override;
    Task<std::vector<DocumentRevisions>> missing(std::vector<DocumentRevisions> asked) override;
    Task<void> fetch(std::vector<DocumentRevisions> wanted, DocumentSink& sink) override;
    Task<std::vector<StoreOutcome>> store(std::vector<TravellingDocument> documents) override;
    Task<StoreOutcome> store_streamed(TravellingDocument document,
                                      AttachmentSource& attachments) override;
    Task<std::string> ensure_durable() override;
    void cancel() override;

private:
    class Feed;
    struct Prepared {
        BulkEdits bulk;
        /// Of each document: its row, or how it was refused.
        std::vector<std::optional<std::size_t>> rows;
        std::vector<StoreOutcome> refused;
    };

    Call& call() const { return *call_; }
    void act_as(Identity who, std::shared_ptr<storage::Database> database);
    void recognise();
    void permit();
    void require_admin() const;
    Prepared prepare(const std::vector<TravellingDocument>& documents) const;
    static std::vector<StoreOutcome> outcomes_of(const Prepared& prepared,
                                                 const std::vector<storage::EditOutcome>& written);
    Task<std::vector<storage::EditAttachment>> receive(FollowsUpload& upload,
                                                       AttachmentSource& attachments,
                                                       std::size_t count);

    Services& services_;
    const std::string database_name_;
    const std::string shown_name_;
    Request request_;
    /// Of who is an account of this server; empty: nobody there who could change.
    const std::optional<std::string> account_stamp_;
    std::list<Call> calls_;         ///< Threads of the pool may still look at former ones.
    std::atomic<Call*> call_;       ///< The last of them.
    bool cancelled_ = false;
    std::vector<Feed*> feeds_;
};

/// A feed that ends with its peer.
class LocalPeer::Feed final : public ChangesFeed {
public:
    Feed(LocalPeer& peer, std::unique_ptr<LocalFeed> feed)
        : peer_(peer), feed_(std::move(feed)) {
        peer_.feeds_.push_back(this);
    }
    ~Feed() override { std::erase(peer_.feeds_, this); }

    Task<ChangesBatch> next(std::size_t rows_max) override {
        peer_.permit();
        auto batch = co_await feed_->next(rows_max);
        co_return batch;
    }
    void cancel() override { feed_->cancel(); }

private:
    LocalPeer& peer_;
    std::unique_ptr<LocalFeed> feed_;
};

LocalPeer::LocalPeer(Services& services, std::string database, std::string shown_name,
                     Identity who)
    : services_(services),
      database_name_(std::move(database)),
      shown_name_(std::move(shown_name)),
      account_stamp_(stamp_of(services, who)) {
    request_.method = "GET";
    request_.target = request_.raw_path = "/" + url_encode(database_name_);
    request_.segments = request_.raw_segments = {database_name_};
    request_.peer_address = own_address;
    act_as(std::move(who), nullptr);
}

void LocalPeer::act_as(Identity who, std::shared_ptr<storage::Database> database) {
    call_ = &calls_.emplace_back(Call{request_, services_, std::move(who), std::move(database), {},
                                      std::string(own_address)});
}

/// Users as they are now: their roles, and whether they are there at all with the password that
/// they had. CouchDB's replicator signs in anew for every request. Whom a token or a proxy vouched
/// for has the roles that these told of.
void LocalPeer::recognise() {
    if (!account_stamp_) return;
    const auto& who = call().identity;
    const auto account = services_.accounts.find(who.name);
    if (!account || account->stamp != *account_stamp_) {
        throw peer_failure({Code::unauthorized, "Name or password is incorrect.", {}});
    }
    if (account->roles == who.roles) return;
    auto changed = who;
    changed.roles = account->roles;
    act_as(std::move(changed), call().database);
}

/// What dispatch asks of who reads and writes documents.
void LocalPeer::permit() {
    if (cancelled_) throw cancelled_failure();
    if (!call().database) call().database = services_.catalog.open(database_name_);
    if (!call().database || call().db().doomed()) {
        throw peer_failure({Code::not_found, "Database does not exist.", {}});
    }
    recognise();
    const auto& who = call().identity;
    if (who.server_admin()) return;
    const auto may = auth::check_member(who, call().db().settings()->security);
    if (may.has_error()) throw peer_failure(may.error());
}

void LocalPeer::require_admin() const {
    if (call().identity.server_admin()) return;
    throw peer_failure({Code::unauthorized, "You are not a server admin.", {}});
}

Task<PeerInfo> LocalPeer::info() {
    permit();
    const auto state = call().db().state();
    PeerInfo info;
    info.update_sequence = json_string(call().db().sequence_text(state.update_sequence));
    info.instance_start_time = std::to_string(call().db().entry().created_seconds);
    info.purge_sequence_number = state.purge_sequence;
    co_return info;
}

Task<void> LocalPeer::create(std::vector<std::pair<std::string, std::string>> parameters) {
    if (cancelled_) throw cancelled_failure();
    require_admin();
    Request request = request_;
    request.method = "PUT";
    for (auto& [name, value] : parameters) {
        request.query.push_back({std::move(name), std::move(value)});
    }
    Call creation{request, services_, call().identity, nullptr, {{"db", database_name_}}};
    // Whatever it answers: who opens the database next learns whether it is there.
    try {
        const auto response = co_await put_database(creation);
    } catch (...) {
        rethrow_as_failure();
    }
}

Task<std::optional<std::string>> LocalPeer::local_document(std::string_view id) {
    permit();
    const std::string name(id);
    std::optional<std::string> json;
    try {
        const auto doc = co_await services_.on_storage(
            [&] { return storage::LocalDocs(call().db()).get(name); });
        if (doc) json = local_document_json(name, *doc, false);
    } catch (...) {
        rethrow_as_failure();
    }
    co_return json;
}

Task<std::string> LocalPeer::put_local_document(std::string_view id, std::string json,
                                                std::string revision) {
    permit();
    try {
        auto document = storage::parse_client_document(json).value();
        document.id = std::string(local_prefix) + std::string(id);
        if (!revision.empty()) document.revision = storage::parse_revision(revision).value();
        check_document(call(), document).value();
        auto written = co_await write_local(call(), std::move(document));
        co_return std::move(written.revision);
    } catch (...) {
        rethrow_as_failure();
    }
}

Task<std::unique_ptr<ChangesFeed>> LocalPeer::changes(ChangesQuery query) {
    permit();
    auto& database = call().db();
    // Lists of a system database show what its documents would hide.
    if (database_name_.starts_with('_') || holds_users(services_, database)) require_admin();
    std::unique_ptr<ChangesFeed> feed;
    try {
        const auto since = parse_json(query.since).value();
        const auto text = since.is_string() ? since.string() : since.dump();
        const auto newest = database.state().update_sequence;
        const auto start =
            text == "now" ? newest : std::min(newest, database.parse_sequence(text).value());
        Request request = request_;
        request.segments.push_back("_changes");
        request.target = request.raw_path += "/_changes";
        Call asking{request, services_, call().identity, call().database, {},
                    call().client_address};
        ChangesFilter filter;
        co_await services_.on_storage([&] { filter = replication_filter(asking, query); });
        if (cancelled_) throw cancelled_failure();
        feed = std::make_unique<Feed>(
            *this, std::make_unique<LocalFeed>(services_, call().database, std::move(filter), start,
                                               query));
    } catch (...) {
        rethrow_as_failure();
    }
    co_return feed;
}

Task<std::vector<DocumentRevisions>> LocalPeer::missing(std::vector<DocumentRevisions> asked) {
    permit();
    std::vector<storage::PurgeRow> rows;
    rows.reserve(asked.size());
    for (auto& one : asked) rows.push_back({std::move(one.id), std::move(one.revisions)});
    std::vector<DocumentRevisions> answer;
    try {
        auto missing = co_await services_.on_storage(
            [&] { return find_all_missing(call().db(), std::move(rows)); });
        answer.reserve(missing.size());
        for (auto& one : missing) {
            answer.push_back({std::move(one.id), std::move(one.revisions),
                              std::move(one.possible_ancestors)});
        }
    } catch (...) {
        rethrow_as_failure();
    }
    co_return answer;
}

Task<void> LocalPeer::fetch(std::vector<DocumentRevisions> wanted, DocumentSink& sink) {
    permit();
    services_.metrics.document_reads.fetch_add(wanted.size(), std::memory_order_relaxed);
    try {
        const auto view = call().db().view();
        LocalDocumentReader reader(view, std::move(wanted));
        for (;;) {
            auto documents = co_await services_.on_storage([&] { return reader.next(); });
            if (documents.empty()) break;
            for (auto& one : documents) {
                if (cancelled_) throw cancelled_failure();
                const auto shown = check_user_reader(call(), one.document.id);
                if (one.absent || shown.has_error()) {
                    sink.absent(one.document.id, one.document.revision, "not_found", "missing");
                    continue;
                }
                LocalAttachments attachments(services_, view, one.attachments);
                AttachmentSource* follow = one.attachments.empty() ? nullptr : &attachments;
                co_await sink.take(std::move(one.document), follow);
            }
        }
    } catch (...) {
        rethrow_as_failure();
    }
}

LocalPeer::Prepared LocalPeer::prepare(const std::vector<TravellingDocument>& documents) const {
    const EditContext context{services_, call().identity, call().db()};
    const Admission admission(context);
    const BulkRules rules{context, admission, write_limits(services_.config),
                          attachment_settings(services_.config)};
    Prepared prepared;
    auto& bulk = prepared.bulk;
    bulk.new_edits = false;
    bulk.edits.reserve(documents.size());
    for (const auto& document : documents) {
        const auto row = bulk.rows.size();
        try {
            add_document(parse_travelling(document.json), rules, bulk);
            prepared.rows.emplace_back(row);
            prepared.refused.emplace_back();
        } catch (const Refused& refused) {
            bulk.rows.resize(row);
            bulk.revisions.resize(row);
            prepared.rows.emplace_back();
            prepared.refused.push_back(refused_outcome(refused.error()));
        }
    }
    return prepared;
}

std::vector<StoreOutcome> LocalPeer::outcomes_of(
    const Prepared& prepared, const std::vector<storage::EditOutcome>& written) {
    auto outcomes = prepared.refused;
    const auto& bulk = prepared.bulk;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        if (!prepared.rows[i]) continue;
        const auto& row = bulk.rows[*prepared.rows[i]];
        if (row.fate == BulkRow::Fate::refused) {
            outcomes[i] = refused_outcome(bulk.refusals[row.index]);
        } else if (row.fate == BulkRow::Fate::edit && written[row.index].has_error()) {
            outcomes[i] = refused_outcome(written[row.index].error());
        }
    }
    return outcomes;
}

Task<std::vector<StoreOutcome>> LocalPeer::store(std::vector<TravellingDocument> documents) {
    permit();
    std::vector<StoreOutcome> outcomes;
    try {
        auto prepared = co_await services_.on_storage([&] { return prepare(documents); });
        documents.clear();
        if (cancelled_) throw cancelled_failure();
        const auto written = co_await write_bulk(call(), prepared.bulk);
        if (written.has_error()) throw peer_failure(written.error());
        outcomes = outcomes_of(prepared, *written);
    } catch (...) {
        rethrow_as_failure();
    }
    co_return outcomes;
}

/// Bytes that are fewer, more or others than was said were hurt on their way: that is no refusal.
Task<std::vector<storage::EditAttachment>> LocalPeer::receive(FollowsUpload& upload,
                                                              AttachmentSource& attachments,
                                                              std::size_t count) {
    std::string piece;
    try {
        for (std::size_t i = 0; i < count; ++i) {
            upload.begin_part();
            for (;;) {
                piece.clear();
                const bool more = co_await attachments.read(i, piece);
                if (!more) break;
                if (cancelled_) throw cancelled_failure();
                co_await upload.take(piece);
            }
            upload.end_part();
        }
        auto received = co_await upload.finish();
        co_return received;
    } catch (const Refused& refused) {
        if (refused.error().code == Code::attachment_too_large) throw;
        const auto failure = peer_failure(refused.error());
        throw PeerFailure(PeerFailure::Kind::malformed, failure.error(), failure.reason());
    }
}

Task<StoreOutcome> LocalPeer::store_streamed(TravellingDocument document,
                                             AttachmentSource& attachments) {
    permit();
    std::optional<Error> refused;
    try {
        auto parsed = parse_travelling(document.json);
        check_document(call(), parsed).value();
        FollowsUpload upload(call(), parsed);
        auto received =
            co_await receive(upload, attachments, document.attachment_bytes.size());
        auto edit = storage::make_edit(std::move(parsed), false,
                                       attachment_settings(services_.config), std::move(received));
        const auto written = co_await write_edit(call(), std::move(edit).value());
        if (written.has_error()) {
            refused = written.error();
        } else {
            upload.keep();
        }
    } catch (const Refused& refusal) {
        refused = refusal.error();
    } catch (...) {
        rethrow_as_failure();
    }
    if (!refused) co_return StoreOutcome();
    co_return refused_outcome(*refused);
}

Task<std::string> LocalPeer::ensure_durable() {
    // Every write was synced before it was answered.
    permit();
    co_return std::to_string(call().db().entry().created_seconds);
}

void LocalPeer::cancel() {
    cancelled_ = true;
    for (auto* feed : feeds_) feed->cancel();
}

}  // namespace

std::unique_ptr<replication::Peer> make_local_peer(Services& services, std::string database,
                                                   std::string shown_name, Identity who) {
    return std::make_unique<LocalPeer>(services, std::move(database), std::move(shown_name),
                                       std::move(who));
}

}  // namespace divan::server
