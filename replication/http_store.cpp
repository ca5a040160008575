#include "replication/http_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "replication/attachment_decoding.h"
#include "replication/attachment_sources.h"
#include "replication/http/failures.h"
#include "replication/http/headers.h"
#include "replication/http_document.h"
#include "replication/http_refusal.h"
#include "replication/json_outline.h"
#include "storage/base/random.h"

namespace divan::replication {
namespace {

constexpr std::size_t batch_bytes_max = 4 << 20;
constexpr std::size_t answer_bytes_max = 64 << 20;

using Documents = std::vector<TravellingDocument>;

std::string bulk_body(const Documents& documents, std::size_t begin, std::size_t end) {
    std::size_t bytes = 64;
    for (auto i = begin; i < end; ++i) bytes += documents[i].json.size() + 1;
    std::string body;
    body.reserve(bytes);
    body += "{\"new_edits\":false,\"docs\":[";
    for (auto i = begin; i < end; ++i) {
        if (i > begin) body += ',';
        body += documents[i].json;
    }
    body += "]}";
    return body;
}

// `[{"id":…,"rev":…,"error":…,"reason":…}]`: of CouchDB only what failed, of others all.
void read_outcomes(std::string_view body, const Documents& documents, std::size_t begin,
                   std::size_t end, std::vector<StoreOutcome>& outcomes) {
    std::multimap<std::string_view, std::size_t> places;
    JsonItems items(body);
    while (items.next()) {
        std::string id;
        std::string revision;
        StoreOutcome outcome;
        JsonMembers members(items.value());
        while (members.next()) {
            auto text = json_text(members.value());
            if (!text) continue;
            if (members.key() == "id") id = std::move(*text);
            if (members.key() == "rev") revision = std::move(*text);
            if (members.key() == "error") outcome.error = std::move(*text);
            if (members.key() == "reason") outcome.reason = std::move(*text);
        }
        if (!members.complete()) throw malformed("the answer to _bulk_docs is no JSON");
        if (outcome.error.empty()) continue;
        outcome.stored = false;
        if (places.empty()) {
            for (auto i = begin; i < end; ++i) places.emplace(documents[i].id, i);
        }
        const auto [first, last] = places.equal_range(id);
        for (auto place = first; place != last; ++place) {
            const auto i = place->second;
            if (!revision.empty() && to_string(documents[i].revision) != revision) continue;
            outcomes[i] = outcome;
        }
    }
    if (!items.complete()) throw malformed("the answer to _bulk_docs is no list");
}

Task<void> store_batch(HttpClient& client, const Documents& documents, std::size_t begin,
                       std::size_t end, std::vector<StoreOutcome>& outcomes) {
    HttpRequest request;
    request.method = "POST";
    request.path = "_bulk_docs";
    request.write = true;
    request.headers = {{"Content-Type", "application/json"}, {"X-Couch-Full-Commit", "false"}};
    request.body = bulk_body(documents, begin, end);
    const auto reply = co_await client.exchange(request, answer_bytes_max);
    if (reply.status == 200 || reply.status == 201 || reply.status == 202 || reply.status == 417) {
        read_outcomes(reply.body, documents, begin, end, outcomes);
        co_return;
    }
    if (reply.status != 400 && reply.status != 413) {
        throw refusal_of(client, reply.status, reply.body);
    }
    if (end - begin == 1) {
        auto refusal = read_refusal(reply.status, reply.body);
        outcomes[begin] = {false, std::move(refusal.error), std::move(refusal.reason)};
        co_return;
    }
    const auto middle = begin + (end - begin) / 2;
    co_await store_batch(client, documents, begin, middle, outcomes);
    co_await store_batch(client, documents, middle, end, outcomes);
}

bool fits_in_quotes(std::string_view text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == 0x7f || c == '"' || c == '\\';
    });
}

// A document and what follows it, as multipart/related (couch_doc:doc_to_multi_part_stream/5).
class RelatedBody : public BodySource {
public:
    RelatedBody(TravellingDocument document, const std::vector<AttachmentOutline>& outlines,
                AttachmentSource& attachments)
        : document_(std::move(document)), attachments_(attachments) {
        head_ = fmt::format("--{}\r\nContent-Type: application/json\r\n\r\n", boundary_);
        for (const auto& outline : outlines) {
            if (outline.follows) part_heads_.push_back(part_head(outline));
        }
        DIVAN_CHECK(part_heads_.size() == document_.attachment_bytes.size());
    }

    std::string content_type() const {
        return fmt::format("multipart/related; boundary=\"{}\"", boundary_);
    }
    std::uint64_t size() const {
        std::uint64_t sum = head_.size() + document_.json.size() + tail().size();
        for (const auto& head : part_heads_) sum += head.size();
        for (const auto bytes : document_.attachment_bytes) sum += bytes;
        return sum;
    }

    Task<bool> read(std::string& out) override {
        if (!begun_) {
            begun_ = true;
            out += head_;
            out += document_.json;
            out += part_heads_.front();
        }
        const bool more = co_await attachments_.read(index_, out);
        if (more) co_return true;
        if (++index_ == part_heads_.size()) {
            out += tail();
            co_return false;
        }
        out += part_heads_[index_];
        co_return true;
    }

private:
    std::string tail() const { return fmt::format("\r\n--{}--", boundary_); }

    // CouchDB goes by the order of the parts; PouchDB Server goes by their names. A name that would
    // end its header is said in the form of RFC 5987.
    std::string part_head(const AttachmentOutline& outline) const {
        std::string head = fmt::format("\r\n--{}\r\nContent-Disposition: attachment; ", boundary_);
        if (fits_in_quotes(outline.name)) {
            head += fmt::format("filename=\"{}\"\r\n", outline.name);
        } else {
            head += fmt::format("filename*=utf-8''{}\r\n", percent_encode(outline.name));
        }
        if (fits_in_quotes(outline.content_type)) {
            head += fmt::format("Content-Type: {}\r\n", outline.content_type);
        }
        head += fmt::format("Content-Length: {}\r\n", outline.bytes);
        if (outline.encoding == "gzip") head += "Content-Encoding: gzip\r\n";
        return head + "\r\n";
    }

    const std::string boundary_ = random_uuid();
    TravellingDocument document_;
    AttachmentSource& attachments_;
    std::string head_;
    std::vector<std::string> part_heads_;
    std::size_t index_ = 0;
    bool begun_ = false;
};

// couch_replicator_api_wrap:update_doc/4: which refusals concern the document alone.
StoreOutcome outcome_of(const HttpClient& client, const HttpReply& reply) {
    const int status = reply.status;
    if (status == 200 || status == 201 || status == 202) return {};
    const bool transient = status == 408 || status == 429 || status >= 500;
    const bool gone = status == 404;
    if (transient || gone) throw refusal_of(client, status, reply.body);
    auto refusal = read_refusal(status, reply.body);
    return {false, std::move(refusal.error), std::move(refusal.reason)};
}

}  // namespace

Task<std::vector<StoreOutcome>> store_in_bulk(HttpClient& client, Documents documents) {
    std::vector<StoreOutcome> outcomes(documents.size());
    for (std::size_t begin = 0; begin < documents.size();) {
        std::size_t end = begin;
        std::size_t bytes = 0;
        while (end < documents.size() && (end == begin || bytes < batch_bytes_max)) {
            bytes += documents[end++].json.size();
        }
        co_await store_batch(client, documents, begin, end, outcomes);
        begin = end;
    }
    co_return outcomes;
}

Task<StoreOutcome> store_alone(HttpClient& client, TravellingDocument document,
                               AttachmentSource* attachments, bool unpack) {
    HttpRequest request;
    request.method = "PUT";
    request.path = document_path(document.id);
    request.query = "new_edits=false";
    request.write = true;
    if (attachments == nullptr || !document.has_attachments()) {
        request.headers = {{"Content-Type", "application/json"}};
        request.body = std::move(document.json);
        const auto reply = co_await client.exchange(request, answer_bytes_max);
        co_return outcome_of(client, reply);
    }
    auto outline = read_outline(document.json);
    if (!outline) throw malformed("a document with attachments is none");
    DecodedAttachments decoded(*outline, *attachments);
    if (unpack && has_encoded_attachments(*outline)) {
        document = without_encodings(*outline, document.json);
        outline = read_outline(document.json);
        DIVAN_CHECK(outline.has_value());
        attachments = &decoded;
    }
    RelatedBody body(std::move(document), outline->attachments, *attachments);
    request.headers = {{"Content-Type", body.content_type()}};
    request.source = &body;
    request.source_bytes = body.size();
    const auto reply = co_await client.exchange(request, answer_bytes_max);
    co_return outcome_of(client, reply);
}

}  // namespace divan::replication
