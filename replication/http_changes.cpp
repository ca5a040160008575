#include "replication/http_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "replication/http/failures.h"
#include "replication/http/headers.h"
#include "replication/http_document.h"
#include "replication/http_refusal.h"
#include "replication/json_outline.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

constexpr std::size_t refusal_bytes_max = 64 * 1024;
// A connection that held so long is no part of a row of failures.
constexpr auto healthy_after = std::chrono::minutes(1);

void add_parameter(std::string& query, std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    query.append(percent_encode(name)).append("=").append(percent_encode(value));
}

// couch_replicator_utils:seq_encode/1: a string goes as it is, anything else as JSON.
std::string sequence_parameter(const std::string& sequence) {
    return json_text(sequence).value_or(sequence);
}

bool is_our_own(std::string_view name) {
    return name == "feed" || name == "style" || name == "since" || name == "heartbeat" ||
           name == "timeout" || name == "filter" || name == "limit";
}

// couch_replicator_api_wrap:json_to_doc_info/1
SourceChange read_change(std::string_view row) {
    SourceChange change;
    bool removed = false;
    bool has_id = false;
    JsonMembers members(row);
    while (members.next()) {
        const auto key = members.key();
        const auto value = members.value();
        if (key == "seq") change.sequence = value;
        if (key == "deleted") change.deleted = value == "true";
        if (key == "removed") removed = value == "true";
        if (key == "id") {
            auto id = json_text(value);
            has_id = id.has_value();
            if (id) change.id = std::move(*id);
        }
        if (key != "changes") continue;
        change.leaves.clear();
        JsonItems items(value);
        while (items.next()) {
            JsonMembers leaf(items.value());
            while (leaf.next()) {
                if (leaf.key() != "rev") continue;
                auto revision = revision_of(leaf.value());
                if (!revision) throw malformed("a change names no revision");
                change.leaves.push_back(std::move(*revision));
            }
        }
        if (!items.complete()) throw malformed("a change is no JSON");
    }
    if (!members.complete() || !has_id || change.sequence.empty()) {
        throw malformed("a row of the changes is none");
    }
    if (removed && !change.leaves.empty()) change.leaves.erase(change.leaves.begin());
    return change;
}

bool is_row(std::string_view row) {
    JsonMembers members(row);
    while (members.next()) {
        if (members.key() == "changes") return true;
    }
    return false;
}

}  // namespace

HttpChangesFeed::HttpChangesFeed(HttpClient& client, ChangesQuery query)
    : client_(client),
      cancellation_(client.cancellation()),
      pending_(client, cancellation_),
      query_(std::move(query)) {}

// The feed says something well before we would take it for dead.
HttpRequest HttpChangesFeed::request() {
    HttpRequest request;
    request.path = "_changes";
    request.feed = true;
    request.cancellation = &cancellation_;
    // Whoever packs a feed may keep a row until enough others have come (PouchDB Server).
    if (query_.continuous) request.headers.push_back({"Accept-Encoding", "identity"});
    auto& query = request.query;
    add_parameter(query, "feed", query_.continuous ? "continuous" : "normal");
    add_parameter(query, "style", query_.winning_revisions_only ? "main_only" : "all_docs");
    add_parameter(query, "since", sequence_parameter(query_.since));
    const auto beat = std::max<std::int64_t>(1000, client_.settings().silence_limit.count() / 3);
    add_parameter(query, "heartbeat", std::to_string(beat));
    std::string body;
    if (query_.filter == "_doc_ids" || !query_.doc_ids.empty()) {
        add_parameter(query, "filter", "_doc_ids");
        body = "{\"doc_ids\":";
        append_json_strings(body, query_.doc_ids);
        body += '}';
    } else if (query_.selector) {
        add_parameter(query, "filter", "_selector");
        body = "{\"selector\":" + *query_.selector + "}";
    } else if (!query_.filter.empty()) {
        add_parameter(query, "filter", query_.filter);
        for (const auto& [name, value] : query_.query_params) {
            if (!is_our_own(name)) add_parameter(query, name, value);
        }
    }
    if (body.empty()) return request;
    request.method = "POST";
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = std::move(body);
    return request;
}

Task<void> HttpChangesFeed::open() {
    const auto asked = request();
    answer_ = co_await client_.send(asked);
    opened_ = std::chrono::steady_clock::now();
    const int status = answer_->head.status;
    if (status != 200) {
        const std::string body = co_await answer_->body(refusal_bytes_max);
        close();
        throw refusal_of(client_, status, body);
    }
    splitter_ = std::make_unique<RowSplitter>(query_.continuous ? RowSplitter::Form::lines
                                                                : RowSplitter::Form::results);
}

void HttpChangesFeed::close() {
    answer_.reset();
    splitter_.reset();
}

void HttpChangesFeed::take_row(std::string_view row, ChangesBatch& batch) {
    if (query_.continuous && !is_row(row)) {
        take_end(row, batch);
        return;
    }
    auto change = read_change(row);
    query_.since = change.sequence;
    batch.rows.push_back(std::move(change));
}

// The last line, or what was around the rows.
void HttpChangesFeed::take_end(std::string_view frame, ChangesBatch& batch) {
    JsonMembers members(frame);
    while (members.next()) {
        if (members.key() == "last_seq") query_.since = members.value();
        if (members.key() == "pending") batch.pending = json_unsigned(members.value());
    }
    if (!members.complete()) throw malformed("the changes are no JSON");
}

void HttpChangesFeed::take_rows(ChangesBatch& batch, std::size_t rows_max) {
    while (splitter_ && batch.rows.size() < rows_max) {
        const auto row = splitter_->next();
        if (!row) return;
        take_row(*row, batch);
        failures_ = 0;
    }
}

// More bytes for the splitter. False where there are none for now, or no more; `lost`: the
// connection broke.
Task<bool> HttpChangesFeed::read(bool may_wait, bool& lost) {
    auto& input = splitter_->input();
    try {
        if (!may_wait) co_return answer_->read_some(input);
        const bool more = co_await answer_->read(input);
        co_return more;
    } catch (const PeerFailure& failure) {
        const auto kind = failure.kind();
        if (kind != PeerFailure::Kind::unreachable && kind != PeerFailure::Kind::malformed) throw;
        ReplicationMetrics::count(client_.metrics().feeds_broken);
        const auto now = std::chrono::steady_clock::now();
        if (now - opened_ > healthy_after) failures_ = 0;
        if (++failures_ > client_.settings().retries) throw;
        lost = true;
    }
    co_return false;
}

// Before a wait, and between batches: a feed that ends with its first batch tells by itself.
bool HttpChangesFeed::asks_pending(const ChangesBatch& batch) const {
    if (!batch.rows.empty() || !(begun_ || query_.continuous)) return false;
    return pending_.due(std::chrono::steady_clock::now());
}

Task<ChangesBatch> HttpChangesFeed::next(std::size_t rows_max) {
    if (cancellation_.requested()) throw cancelled();
    ChangesBatch batch;
    while (!ended_ && batch.rows.size() < rows_max) {
        if (!answer_) co_await open();
        if (asks_pending(batch)) {
            const bool news = co_await pending_.ask(query_.since);
            if (news && query_.continuous) break;  // it may wait long for a row
        }
        take_rows(batch, rows_max);
        if (batch.rows.size() == rows_max) break;
        const bool may_wait = !query_.continuous || batch.rows.empty();
        bool lost = false;
        const bool more = co_await read(may_wait, lost);
        if (more) continue;
        if (lost) {
            close();
            if (!batch.rows.empty()) break;
            co_await back_off(failures_ - 1);
            continue;
        }
        if (!may_wait) break;
        // The answer is over. A continuous one ends where the peer restarts, or has its own limit.
        if (!splitter_->complete()) {
            ReplicationMetrics::count(client_.metrics().feeds_broken);
            if (++failures_ > client_.settings().retries) throw malformed("the changes broke off");
        } else if (!query_.continuous) {
            take_end(splitter_->frame(), batch);
            ended_ = true;
        }
        close();
        if (!ended_) co_await back_off(failures_);
    }
    begun_ = true;
    pending_.read(batch.rows.size());
    if (batch.pending) pending_.told(*batch.pending);
    batch.pending = pending_.value();
    batch.last_sequence = query_.since;
    batch.ended = ended_;
    co_return batch;
}

}  // namespace divan::replication
