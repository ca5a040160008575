#include "replication/filter_code.h"

#include <optional>

#include "storage/base/json.h"

namespace divan::replication {
namespace {

using Kind = PeerFailure::Kind;

// Takes one document.
class OneDocument : public DocumentSink {
public:
    Task<void> take(TravellingDocument document, AttachmentSource* attachments) override {
        text = std::move(document.json);
        // Whoever sends them waits until they are read.
        std::string skipped;
        for (std::size_t i = 0; attachments && i < document.attachment_bytes.size(); ++i) {
            bool more = true;
            while (more) {
                skipped.clear();
                more = co_await attachments->read(i, skipped);
            }
        }
    }
    void absent(std::string_view, const storage::Revision&, std::string_view,
                std::string_view) override {}

    std::optional<std::string> text;
};

PeerFailure no_document(const Peer& source, const std::string& design) {
    return {Kind::not_found, "not_found",
            "Couldn't open document `_design/" + design + "` from source database `" +
                source.name() + "`",
            404};
}

// The winner, found by the changes of this one document: peers read revisions, not documents.
Task<std::optional<std::string>> read_design(Peer& source, const std::string& id) {
    ChangesQuery query;
    query.winning_revisions_only = true;
    query.filter = "_doc_ids";
    query.doc_ids = {id};
    auto feed = co_await source.changes(std::move(query));
    std::vector<DocumentRevisions> wanted;
    bool more = true;
    while (more) {
        auto batch = co_await feed->next(1);
        more = !batch.ended;
        for (auto& row : batch.rows) {
            if (row.id == id && !row.deleted) wanted = {{row.id, std::move(row.leaves), {}}};
        }
    }
    feed.reset();
    OneDocument sink;
    if (!wanted.empty()) co_await source.fetch(std::move(wanted), sink);
    co_return std::move(sink.text);
}

}  // namespace

Task<std::string> read_filter_code(Peer& source, FilterName filter) {
    std::optional<std::string> text;
    std::optional<PeerFailure> unopened;
    try {
        text = co_await read_design(source, "_design/" + filter.design);
    } catch (const PeerFailure& failure) {
        unopened = failure;
    }
    if (unopened) {
        throw PeerFailure(unopened->kind(), unopened->error(),
                          "Could not open source database `" + source.name() +
                              "`: " + unopened->reason(),
                          unopened->status());
    }
    if (!text) throw no_document(source, filter.design);
    const auto document = parse_json(*text);
    const auto* filters = document.has_value() ? document->find("filters") : nullptr;
    const auto* code = filters ? filters->find(filter.name) : nullptr;
    if (!code || !code->is_string()) {
        throw PeerFailure(Kind::not_found, "not_found",
                          "Couldn't parse filter code from document " + filter.design + " on `" +
                              source.name() + "`: missing json key: " + filter.name,
                          404);
    }
    co_return trimmed_filter(code->string());
}

}  // namespace divan::replication
