#include "replication/http_fetch.h"

#include <algorithm>

#include "replication/http/failures.h"
#include "replication/http_document.h"
#include "replication/http_refusal.h"
#include "replication/json_outline.h"
#include "replication/open_revisions.h"
#include "replication/row_splitter.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

constexpr std::size_t bulk_revisions_max = 1000;
constexpr std::size_t refusal_bytes_max = 64 * 1024;
constexpr std::size_t singles_at_once = 4;
// Attachments of a document that are not worth a request of their own, and how many come at once.
constexpr std::uint64_t small_attachments_bytes_max = 64 * 1024;
constexpr std::uint64_t small_attachment_bytes = 100;  // what each of them costs beside its bytes
constexpr std::uint64_t group_bytes = 2 << 20;
// Less is looked at here and now: a hop to the pool takes longer.
constexpr std::size_t pool_bytes_least = 16 * 1024;

BulkGetUse::Time now() {
    return std::chrono::steady_clock::now();
}

}  // namespace

/// One row of the request. `done`: it came, or was replaced by newer ones that did.
struct HttpFetch::Asked {
    DocumentRevisions* document;
    storage::Revision revision;
    bool done = false;
    std::uint64_t small_bytes = 0;  ///< Of its attachments, where all of them are small.
};

/// One row of the answer.
struct HttpFetch::Answer {
    struct Read {
        TravellingDocument document;  ///< Its text only where it may be of use.
        bool complete = false;        ///< All its attachments are in the text.
        std::uint64_t small_bytes = 0;
    };
    std::string id;
    std::vector<Read> documents;
};

namespace {

// Attachments come as `data` where `with_data`, but for those that the target has.
std::string bulk_request(const auto& asked, bool with_data) {
    std::string body = R"({"latest":true,"revs":true,"attachments":)";
    body += with_data ? R"(true,"docs":[)" : R"(false,"docs":[)";
    bool first = true;
    for (const auto& one : asked) {
        if (!std::exchange(first, false)) body += ',';
        body += "{\"id\":";
        append_json_string(body, one.document->id);
        body += ",\"rev\":";
        append_json_string(body, to_string(one.revision));
        if (with_data) {
            body += ",\"atts_since\":[";
            bool first_ancestor = true;
            for (const auto& ancestor : one.document->possible_ancestors) {
                if (!std::exchange(first_ancestor, false)) body += ',';
                append_json_string(body, to_string(ancestor));
            }
            body += ']';
        }
        body += '}';
    }
    return body + "]}";
}

// The bytes of all attachments; 0 where they are to be streamed. What a client had packed stays
// packed only so.
std::uint64_t small_bytes_of(const DocumentOutline& outline, bool keep_packed) {
    std::uint64_t sum = 0;
    for (const auto& one : outline.attachments) {
        const bool packed_by_client = one.bytes == one.decoded_bytes;
        const bool stays = one.encoding == "gzip" && (packed_by_client || keep_packed);
        if (stays || one.decoded_bytes > small_attachments_bytes_max) return 0;
        sum += one.decoded_bytes + small_attachment_bytes;
    }
    return sum > small_attachments_bytes_max ? 0 : sum;
}

struct BulkReading {
    bool with_data;
    bool keep_packed;
};

void read_bulk_document(std::string_view text, auto& read, BulkReading how) {
    const auto outline = read_outline(text);
    if (!outline) throw malformed("the answer has no document");
    const auto& attachments = outline->attachments;
    read.complete = std::all_of(attachments.begin(), attachments.end(),
                                [](const auto& one) { return one.has_data; });
    if (!read.complete) read.small_bytes = small_bytes_of(*outline, how.keep_packed);
    const bool of_use = read.complete || how.with_data;
    read.document = travelling(*outline, of_use ? std::string(text) : std::string());
    read.document.whole = read.complete && !attachments.empty();
}

// `{"id":…,"docs":[{"ok":document}|{"error":…}]}`
void read_bulk_row(std::string_view row, auto& answer, BulkReading how) {
    JsonMembers members(row);
    while (members.next()) {
        if (members.key() == "id") answer.id = json_text(members.value()).value_or("");
        if (members.key() != "docs") continue;
        JsonItems items(members.value());
        while (items.next()) {
            JsonMembers item(items.value());
            while (item.next()) {
                if (item.key() != "ok") continue;
                read_bulk_document(item.value(), answer.documents.emplace_back(), how);
            }
        }
    }
    if (!members.complete()) throw malformed("the answer is no JSON");
}

// What a document is an answer to: its own revision, or the one that it came instead of.
auto* find_asked(auto& asked, std::size_t place, const TravellingDocument& document) {
    const auto same_id = [&](const auto& one) { return one.document->id == document.id; };
    const auto same = [&](const auto& one) {
        return one.revision == document.revision && same_id(one);
    };
    auto* at_place = place < asked.size() && same_id(asked[place]) ? &asked[place] : nullptr;
    if (at_place != nullptr && same(*at_place)) return at_place;
    const auto found = std::find_if(asked.begin(), asked.end(), same);
    return found == asked.end() ? at_place : &*found;
}

// Answers of a peer that has no `_bulk_get`, or an older form of it. CouchDB 1.x takes the address
// for a form's.
bool means_no_bulk_get(int status) {
    return status == 400 || status == 404 || status == 405 || status == 406 || status == 415 ||
           status == 501;
}

}  // namespace

Task<void> HttpFetch::run(std::vector<DocumentRevisions> wanted) {
    for (std::size_t begin = 0; begin < wanted.size() && bulk_get_.due(now());) {
        std::size_t end = begin;
        std::size_t revisions = 0;
        while (end < wanted.size() && (end == begin || revisions < bulk_revisions_max)) {
            revisions += wanted[end++].revisions.size();
        }
        co_await get_in_bulk(wanted, begin, end);
        begin = end;
    }
    std::erase_if(wanted, [](const auto& one) { return one.revisions.empty(); });
    if (!wanted.empty()) co_await get_one_by_one(std::move(wanted));
}

// Takes away what came. Whatever fails here is tried one by one, as in CouchDB.
Task<void> HttpFetch::get_in_bulk(std::vector<DocumentRevisions>& wanted, std::size_t begin,
                                  std::size_t end) {
    std::vector<Asked> asked;
    for (auto i = begin; i < end; ++i) {
        for (const auto& revision : wanted[i].revisions) asked.push_back({&wanted[i], revision});
    }
    const bool known = co_await ask_bulk(asked, false);
    if (!known) {
        bulk_get_.refused(asked.size(), now());
        co_return;
    }
    co_await get_small_attachments(asked);
    std::size_t left = 0;
    for (auto i = begin; i < end; ++i) left += wanted[i].revisions.size();
    bulk_get_.answered(asked.size(), asked.size() - left, now());
}

// Documents with them, about so much at once.
Task<void> HttpFetch::get_small_attachments(const std::vector<Asked>& asked) {
    std::vector<Asked> group;
    std::uint64_t bytes = 0;
    for (const auto& one : asked) {
        if (one.done || one.small_bytes == 0) continue;
        group.push_back({one.document, one.revision});
        bytes += one.small_bytes;
        if (bytes < group_bytes) continue;
        co_await ask_bulk(group, true);
        group.clear();
        bytes = 0;
    }
    if (!group.empty()) co_await ask_bulk(group, true);
}

// False where the peer does not know what it was asked.
Task<bool> HttpFetch::ask_bulk(std::vector<Asked>& asked, bool with_data) {
    HttpRequest request;
    request.method = "POST";
    request.path = "_bulk_get";
    request.query = "latest=true&revs=true";  // PouchDB Server reads any text as true
    request.query += with_data ? "&attachments=true" : "&att_encoding_info=true";
    request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
    request.body = bulk_request(asked, with_data);
    for (unsigned failures = 0;;) {
        const auto answer = co_await client_.send(request);
        const int status = answer->head.status;
        if (status == 401 || status == 403) {
            const std::string body = co_await answer->body(refusal_bytes_max);
            throw refusal_of(client_, status, body);
        }
        if (status != 200) co_return !means_no_bulk_get(status);
        const bool whole = co_await read_bulk(*answer, asked, with_data);
        if (whole || failures >= client_.settings().retries) break;
        co_await client_.back_off(failures++);
    }
    for (const auto& one : asked) {
        if (one.done) std::erase(one.document->revisions, one.revision);
    }
    co_return true;
}

// False where the answer broke off, with what came until then taken.
Task<bool> HttpFetch::read_bulk(HttpAnswer& answer, std::vector<Asked>& asked,
                                bool with_data) {
    RowSplitter rows(RowSplitter::Form::results);
    const BulkReading how{with_data, client_.settings().keep_packed};
    std::size_t row = 0;
    for (bool more = true; more;) {
        std::vector<Answer> answers;
        const auto parse = [&rows, &answers, how] {
            while (const auto text = rows.next()) {
                read_bulk_row(*text, answers.emplace_back(), how);
            }
        };
        try {
            more = co_await answer.read(rows.input());
            if (rows.unread() < pool_bytes_least) {
                parse();
            } else {
                co_await run_on(client_.pool(), parse);
            }
        } catch (const PeerFailure& failure) {
            if (failure.kind() == PeerFailure::Kind::cancelled) throw;
            co_return false;
        }
        co_await take_bulk(std::move(answers), asked, row);
    }
    co_return rows.complete();
}

// Rows come in the order of the request (couch_replicator_api_wrap:bulk_get_zip/2), or all of a
// document as one (PouchDB).
Task<void> HttpFetch::take_bulk(std::vector<Answer> answers, std::vector<Asked>& asked,
                                std::size_t& row) {
    for (auto& answer : answers) {
        const auto place = row++;
        for (auto& read : answer.documents) {
            if (read.document.id != answer.id) throw malformed("the peer sent another document");
            auto* one = find_asked(asked, place, read.document);
            if (one == nullptr || one->done) continue;
            one->small_bytes = read.small_bytes;
            // What was left out may be at the target only where that has an ancestor.
            const bool may_be_there = !one->document->possible_ancestors.empty();
            if (!read.complete && (read.document.json.empty() || !may_be_there)) continue;
            one->done = true;
            co_await sink_.take(std::move(read.document), nullptr);
        }
    }
}

Task<void> HttpFetch::get_one_by_one(std::vector<DocumentRevisions> wanted) {
    left_ = std::move(wanted);
    next_ = 0;
    Signal done;
    running_ = std::min(left_.size(), singles_at_once);
    for (auto i = running_; i > 0; --i) spawn(get_some(this, &done));
    while (running_ > 0) co_await done.wait(std::chrono::hours(1));
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

Task<void> HttpFetch::get_some(HttpFetch* fetch, Signal* done) {
    try {
        while (fetch->next_ < fetch->left_.size() && !fetch->failure_) {
            auto wanted = std::move(fetch->left_[fetch->next_++]);
            OpenRevisions one(fetch->client_, fetch->sink_, fetch->turn_);
            co_await one.fetch(std::move(wanted));
        }
    } catch (...) {
        if (!fetch->failure_) fetch->failure_ = std::current_exception();
    }
    --fetch->running_;
    done->ring();
}

}  // namespace divan::replication
