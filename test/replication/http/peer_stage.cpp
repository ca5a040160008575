#include "test/replication/http/peer_stage.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "replication/attachment_sources.h"
#include "storage/base/json.h"

namespace divan::replication {

Task<std::size_t> copy_all(Peer& from, Peer& to, ChangesQuery query) {
    std::size_t count = 0;
    const auto feed = co_await from.changes(std::move(query));
    for (bool ended = false; !ended;) {
        auto batch = co_await feed->next(500);
        ended = batch.ended;
        std::vector<DocumentRevisions> asked;
        for (auto& row : batch.rows) {
            asked.push_back({std::move(row.id), std::move(row.leaves), {}});
        }
        auto missing = co_await to.missing(std::move(asked));
        KeepingSink sink;
        sink.forward_to = &to;
        co_await from.fetch(std::move(missing), sink);
        std::vector<TravellingDocument> documents;
        for (auto& one : sink.kept) documents.push_back(std::move(one.document));
        count += documents.size();
        const auto outcomes = co_await to.store(std::move(documents));
        for (const auto& outcome : outcomes) CHECK(outcome.stored);
        CHECK(sink.absentees.empty());
    }
    co_await to.ensure_durable();
    co_return count;
}

std::string all_leaves(test::TestServer& server, const std::string& database) {
    const auto all = server.get("/" + database + "/_changes?style=all_docs");
    const auto changes = parse_json(all.body).value();
    std::vector<std::string> texts;
    for (const auto& row : changes.find("results")->items()) {
        const auto id = document_path(row.find("id")->string());
        const auto reply = server.request("GET", "/" + database + "/" + id +
                                          "?open_revs=all&revs=true&attachments=true", "",
                                          {{"Accept", "application/json"}});
        CAPTURE(id);
        const auto answer = parse_json(reply.body).value();
        std::vector<std::string> leaves;
        for (const auto& leaf : answer.items()) leaves.push_back(leaf.dump());
        std::sort(leaves.begin(), leaves.end());
        std::string text = id;
        for (const auto& leaf : leaves) text += "\n  " + leaf;
        texts.push_back(std::move(text));
    }
    std::sort(texts.begin(), texts.end());
    std::string joined;
    for (const auto& text : texts) joined += text + "\n";
    return joined;
}

}  // namespace divan::replication
