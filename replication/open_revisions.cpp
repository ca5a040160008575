#include "replication/open_revisions.h"

#include <algorithm>

#include "replication/attachment_sources.h"
#include "replication/http/failures.h"
#include "replication/http/headers.h"
#include "replication/http_refusal.h"
#include "replication/json_outline.h"
#include "replication/part_stream.h"
#include "replication/row_splitter.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

// couch_replicator_api_wrap: what addresses may have, and what is tried where a peer has less.
constexpr std::size_t address_bytes_max = 7000;
constexpr std::size_t address_bytes_least = 200;
constexpr std::size_t document_bytes_max = std::size_t{1} << 30;
constexpr std::size_t refusal_bytes_max = 64 * 1024;

// As many as fit, and at least one where `needed`.
std::string revision_list(const std::vector<storage::Revision>& revisions, std::size_t bytes_max,
                          bool needed) {
    std::string list = "[";
    std::size_t bytes = 6;
    for (const auto& revision : revisions) {
        const auto text = json_string(to_string(revision));
        bytes += text.size() + 7;  // percent-encoded
        if (bytes > bytes_max && !(needed && list.size() == 1)) break;
        if (list.size() > 1) list += ',';
        list += text;
    }
    return list + "]";
}

std::size_t listed(std::string_view list) {
    if (list == "[]") return 0;
    return 1 + static_cast<std::size_t>(std::count(list.begin(), list.end(), ','));
}

}  // namespace

// The answer's bytes, which tell apart whether the source failed or the sink.
class OpenRevisions::AnswerBytes : public BodySource {
public:
    AnswerBytes(HttpAnswer& answer, bool& failed) : answer_(answer), failed_(failed) {}

    Task<bool> read(std::string& out) override {
        failed_ = true;
        const bool more = co_await answer_.read(out);
        failed_ = false;
        co_return more;
    }

private:
    HttpAnswer& answer_;
    bool& failed_;
};

HttpRequest OpenRevisions::request(const DocumentRevisions& wanted, std::size_t query_bytes_max,
                                   std::vector<storage::Revision>& asked) const {
    HttpRequest request;
    request.path = document_path(wanted.id);
    auto left = query_bytes_max - std::min(query_bytes_max, request.path.size());
    const auto list = revision_list(wanted.revisions, left / 2, true);
    const auto count = static_cast<std::ptrdiff_t>(listed(list));
    asked.assign(wanted.revisions.begin(), wanted.revisions.begin() + count);
    request.query = "revs=true&latest=true&open_revs=" + percent_encode(list);
    left -= std::min(left, request.query.size());
    const auto since = revision_list(wanted.possible_ancestors, left, false);
    if (listed(since) > 0) request.query += "&atts_since=" + percent_encode(since);
    request.headers = {{"Accept", "multipart/mixed"}};
    return request;
}

Task<void> OpenRevisions::fetch(DocumentRevisions wanted) {
    std::size_t address_bytes = address_bytes_max;
    unsigned failures = 0;
    while (!wanted.revisions.empty()) {
        std::optional<PeerFailure> failure;
        source_failed_ = in_sink_ = false;
        try {
            co_await ask(wanted, address_bytes);
        } catch (const PeerFailure& caught) {
            failure = caught;
        }
        if (!failure) continue;
        const auto kind = failure->kind();
        if (failure->status() == 414 && address_bytes / 2 >= address_bytes_least) {
            address_bytes /= 2;
            continue;
        }
        const bool theirs = in_sink_ && !source_failed_;
        const bool may_change = kind == PeerFailure::Kind::unreachable ||
                                kind == PeerFailure::Kind::malformed;
        if (theirs || !may_change || failures >= client_.settings().retries) throw *failure;
        co_await client_.back_off(failures++);
    }
}

Task<void> OpenRevisions::ask(DocumentRevisions& wanted, std::size_t query_bytes_max) {
    std::vector<storage::Revision> revisions;
    const auto asked = request(wanted, query_bytes_max, revisions);
    const auto answer = co_await client_.send(asked);
    const int status = answer->head.status;
    if (status == 404) {
        while (!wanted.revisions.empty()) {
            absent(wanted, to_string(wanted.revisions.back()));
        }
        co_return;
    }
    if (status != 200) {
        const std::string body = co_await answer->body(refusal_bytes_max);
        throw refusal_of(client_, status, body);
    }
    AnswerBytes bytes(*answer, source_failed_);
    const std::string type(header_of(answer->head.headers, "content-type"));
    const auto boundary = storage::multipart_boundary(type);
    if (boundary && type.starts_with("multipart/mixed")) {
        co_await read_mixed(wanted, bytes, *boundary);
    } else {
        co_await read_list(wanted, bytes);
    }
    // What of these did not come was replaced by newer ones, which came: `latest=true`.
    std::erase_if(wanted.revisions, [&](const storage::Revision& revision) {
        return std::find(revisions.begin(), revisions.end(), revision) != revisions.end();
    });
}

Task<void> OpenRevisions::read_mixed(DocumentRevisions& wanted, AnswerBytes& bytes,
                                     std::string_view boundary) {
    PartStream parts(bytes, boundary);
    while (true) {
        const auto event = co_await parts.next();
        if (event == PartStream::Event::end) co_return;
        if (event != PartStream::Event::part_begin) throw malformed("a part is broken");
        const std::string type(parts.header("content-type"));
        PartBody body(parts);
        const auto inner = storage::multipart_boundary(type);
        if (inner && type.starts_with("multipart/related")) {
            co_await read_related(wanted, body, *inner);
            co_await body.skip();
            continue;
        }
        std::string text = co_await body.all(document_bytes_max);
        if (storage::header_parameter(type, "error") == "true") {
            JsonMembers members(text);
            while (members.next()) {
                if (members.key() != "missing") continue;
                absent(wanted, json_text(members.value()).value_or(""));
            }
            continue;
        }
        auto outline = read_outline(text);
        if (!outline) throw malformed("the answer has no document");
        co_await take(wanted, std::move(*outline), std::move(text), nullptr);
    }
}

Task<void> OpenRevisions::read_related(DocumentRevisions& wanted, BodySource& bytes,
                                       std::string_view boundary) {
    PartStream parts(bytes, boundary);
    const auto event = co_await parts.next();
    if (event != PartStream::Event::part_begin) throw malformed("a document is missing");
    PartBody body(parts);
    std::string text = co_await body.all(document_bytes_max);
    auto outline = read_outline(text);
    if (!outline) throw malformed("the answer has no document");
    PartAttachments attachments(*outline, parts);
    co_await take(wanted, std::move(*outline), std::move(text), &attachments);
}

// `[{"ok":document},{"missing":revision}]`
Task<void> OpenRevisions::read_list(DocumentRevisions& wanted, AnswerBytes& bytes) {
    RowSplitter rows(RowSplitter::Form::list);
    bool more = true;
    while (more) {
        more = co_await bytes.read(rows.input());
        while (const auto row = rows.next()) {
            std::string text(*row);
            co_await read_list_row(wanted, std::move(text));
        }
    }
    if (!rows.complete()) throw malformed("the answer is no list of revisions");
}

Task<void> OpenRevisions::read_list_row(DocumentRevisions& wanted, std::string row) {
    std::string text;
    JsonMembers members(row);
    while (members.next()) {
        if (members.key() == "missing") absent(wanted, json_text(members.value()).value_or(""));
        if (members.key() == "ok") text = members.value();
    }
    if (!members.complete()) throw malformed("the answer is no JSON");
    if (text.empty()) co_return;
    auto outline = read_outline(text);
    if (!outline) throw malformed("the answer has no document");
    if (!outline->attachments.empty()) {
        text = with_followers(text, *outline, true);
        outline = read_outline(text);
        if (!outline) throw malformed("the attachments of the answer are none");
    }
    SingleAttachments attachments(*outline, client_);
    co_await take(wanted, std::move(*outline), std::move(text), &attachments);
}

Task<void> OpenRevisions::take(DocumentRevisions& wanted, DocumentOutline outline,
                               std::string json, AttachmentSource* attachments) {
    const auto revision = outline.revision;
    if (outline.id != wanted.id) throw malformed("the peer sent another document");
    auto document = travelling(outline, std::move(json));
    if (!document.has_attachments()) attachments = nullptr;
    {
        const auto turn = co_await turn_.take(client_.cancellation());
        in_sink_ = true;
        co_await sink_.take(std::move(document), attachments);
        in_sink_ = false;
    }
    std::erase(wanted.revisions, revision);
}

void OpenRevisions::absent(DocumentRevisions& wanted, std::string_view text) {
    const auto revision = storage::parse_revision(text);
    if (!revision) throw malformed("the peer names no revision");
    const auto found = std::find(wanted.revisions.begin(), wanted.revisions.end(), *revision);
    if (found == wanted.revisions.end()) return;
    sink_.absent(wanted.id, *revision, "not_found", "missing");
    wanted.revisions.erase(found);
}

}  // namespace divan::replication
