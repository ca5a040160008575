#include "replication/http_peer.h"

#include <fmt/format.h>

#include "replication/attachment_sources.h"
#include "replication/http/client.h"
#include "replication/http/failures.h"
#include "replication/http/headers.h"
#include "replication/http_changes.h"
#include "replication/http_fetch.h"
#include "replication/http_refusal.h"
#include "replication/http_store.h"
#include "replication/json_outline.h"
#include "replication/revisions_diff.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

constexpr std::size_t small_bytes_max = 1 << 20;
constexpr std::size_t local_document_bytes_max = 64 << 20;
constexpr std::size_t diff_bytes_max = 256 << 20;
constexpr std::size_t diff_ids_max = 5000;

bool is_written(int status) {
    return status == 200 || status == 201 || status == 202;
}

// A string's text, or a number's digits.
std::string plain(std::string_view value) {
    return json_text(value).value_or(std::string(value));
}

class HttpPeer : public Peer {
public:
    HttpPeer(HttpPeerSettings settings, HttpClients& clients)
        : client_(std::move(settings), clients), bulk_get_(client_.settings().use_bulk_get) {}

    const std::string& name() const override { return client_.name(); }

    // couch_replicator_api_wrap:db_open/3: whatever has no update_seq is no database.
    Task<PeerInfo> info() override {
        HttpRequest request;
        const auto reply = co_await client_.exchange(request, small_bytes_max);
        if (reply.status != 200) throw refusal_of(client_, reply.status, reply.body);
        PeerInfo info;
        JsonMembers members(reply.body);
        while (members.next()) {
            const auto value = members.value();
            if (members.key() == "update_seq") info.update_sequence = value;
            if (members.key() == "instance_start_time") info.instance_start_time = plain(value);
            if (members.key() == "purge_seq") {
                info.purge_sequence_number = json_unsigned(value).value_or(0);
            }
        }
        if (!members.complete() || info.update_sequence.empty()) {
            throw PeerFailure(PeerFailure::Kind::not_found, "db_not_found", name(), reply.status);
        }
        co_return info;
    }

    Task<void> create(std::vector<std::pair<std::string, std::string>> parameters) override {
        HttpRequest request;
        request.method = "PUT";
        for (const auto& [key, value] : parameters) {
            if (!request.query.empty()) request.query += '&';
            request.query += percent_encode(key) + "=" + percent_encode(value);
        }
        const auto reply = co_await client_.exchange(request, small_bytes_max);
        if (is_written(reply.status) || reply.status == 412) co_return;
        throw refusal_of(client_, reply.status, reply.body);
    }

    Task<std::optional<std::string>> local_document(std::string_view id) override {
        HttpRequest request;
        request.path = "_local/" + percent_encode(id);
        auto reply = co_await client_.exchange(request, local_document_bytes_max);
        if (reply.status == 404) co_return std::nullopt;
        if (reply.status != 200) throw refusal_of(client_, reply.status, reply.body);
        co_return std::move(reply.body);
    }

    Task<std::string> put_local_document(std::string_view id, std::string json,
                                         std::string revision) override {
        HttpRequest request;
        request.method = "PUT";
        request.path = "_local/" + percent_encode(id);
        request.headers = {{"Content-Type", "application/json"}};
        request.body = "{\"_id\":" + json_string("_local/" + std::string(id));
        if (!revision.empty()) request.body += ",\"_rev\":" + json_string(revision);
        const auto begin = json.find('{');
        const auto first = json.find_first_not_of(" \t\r\n", begin + 1);
        DIVAN_CHECK(begin != json.npos && first != json.npos);
        if (json[first] != '}') request.body += ',';
        request.body.append(json, first);
        const auto reply = co_await client_.exchange(request, small_bytes_max);
        if (!is_written(reply.status)) throw refusal_of(client_, reply.status, reply.body);
        JsonMembers members(reply.body);
        while (members.next()) {
            if (members.key() == "rev") co_return plain(members.value());
        }
        throw malformed("the answer to a checkpoint has no revision");
    }

    Task<std::unique_ptr<ChangesFeed>> changes(ChangesQuery query) override {
        co_return std::make_unique<HttpChangesFeed>(client_, std::move(query));
    }

    Task<std::vector<DocumentRevisions>> missing(std::vector<DocumentRevisions> asked) override {
        std::vector<DocumentRevisions> missing;
        for (std::size_t begin = 0; begin < asked.size(); begin += diff_ids_max) {
            const auto end = std::min(asked.size(), begin + diff_ids_max);
            HttpRequest request;
            request.method = "POST";
            request.path = "_revs_diff";
            request.headers = {{"Content-Type", "application/json"}};
            request.body = revisions_diff_body(asked, begin, end);
            const auto reply = co_await client_.exchange(request, diff_bytes_max);
            if (reply.status != 200) throw refusal_of(client_, reply.status, reply.body);
            const auto read = [&reply, &missing] { read_revisions_diff(reply.body, missing); };
            co_await run_on(client_.pool(), read);
        }
        co_return missing;
    }

    Task<void> fetch(std::vector<DocumentRevisions> wanted, DocumentSink& sink) override {
        HttpFetch fetch(client_, sink, bulk_get_);
        co_await fetch.run(std::move(wanted));
    }

    BulkGetCounts bulk_get_counts() const override { return bulk_get_.counts(); }

    // A design document goes by itself, as in CouchDB: an answer to it alone tells who may not.
    Task<std::vector<StoreOutcome>> store(std::vector<TravellingDocument> documents) override {
        if (documents.size() == 1 && documents.front().id.starts_with("_design/")) {
            std::vector<StoreOutcome> outcomes;
            auto outcome = co_await store_alone(client_, std::move(documents.front()), nullptr,
                                                false);
            outcomes.push_back(std::move(outcome));
            co_return outcomes;
        }
        auto outcomes = co_await store_in_bulk(client_, std::move(documents));
        co_return outcomes;
    }

    Task<StoreOutcome> store_streamed(TravellingDocument document,
                                      AttachmentSource& attachments) override {
        if (!is_pouchdb_) {
            const bool answer = co_await asks_for_plain_attachments();
            is_pouchdb_ = answer;
        }
        auto outcome =
            co_await store_alone(client_, std::move(document), &attachments, *is_pouchdb_);
        co_return outcome;
    }

    Task<std::string> ensure_durable() override {
        HttpRequest request;
        request.method = "POST";
        request.path = "_ensure_full_commit";
        request.headers = {{"Content-Type", "application/json"}};
        const auto reply = co_await client_.exchange(request, small_bytes_max);
        if (is_written(reply.status)) {
            JsonMembers members(reply.body);
            while (members.next()) {
                if (members.key() == "instance_start_time") co_return plain(members.value());
            }
            co_return std::string();
        }
        const bool unknown = reply.status == 404 || reply.status == 405 || reply.status == 501;
        if (!unknown) throw refusal_of(client_, reply.status, reply.body);
        auto now = co_await info();  // a peer that writes what it answers, and has no such address
        co_return std::move(now.instance_start_time);
    }

    void cancel() override { client_.cancellation().request(); }

private:
    // PouchDB Server keeps the bytes of a packed attachment as if they were the attachment's.
    Task<bool> asks_for_plain_attachments() {
        HttpRequest request;
        request.path = "/";
        const auto reply = co_await client_.exchange(request, small_bytes_max);
        JsonMembers members(reply.body);
        while (members.next()) {
            if (members.key() == "express-pouchdb") co_return true;
        }
        co_return false;
    }

    HttpClient client_;
    BulkGetUse bulk_get_;
    std::optional<bool> is_pouchdb_;  ///< Asked when it matters.
};

}  // namespace

std::unique_ptr<Peer> make_http_peer(HttpPeerSettings settings, HttpClients& clients) {
    return std::make_unique<HttpPeer>(std::move(settings), clients);
}

}  // namespace divan::replication
