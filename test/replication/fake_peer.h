#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "replication/peer.h"
#include "storage/base/async/signal.h"

namespace divan::replication {

/// A database of revisions without ancestry: each document has the leaves that were put.
struct FakeDatabase {
    struct Row {
        std::uint64_t sequence;
        std::string id;
    };
    std::map<std::string, std::set<std::string>> leaves;
    std::vector<Row> rows;  ///< By sequence, each document once.
    std::map<std::string, std::string> locals;
    std::set<std::string> refuses;         ///< Ids that it refuses for good.
    std::map<std::string, int> lacks;      ///< Ids that it says not to have, how often.
    std::map<std::string, int> misreads;   ///< Ids that it cannot make sense of, how often.
    std::set<std::string> attached;        ///< Ids whose documents have an attachment.
    std::set<std::string> forgets;         ///< Ids of which it says nothing at all.
    std::string instance_start_time = "7";
    std::uint64_t local_writes = 0;
    std::function<void()> on_row;          ///< Wakes feeds that wait.

    void put(const std::string& id, const std::string& revision);
    std::uint64_t sequence() const { return rows.empty() ? 0 : rows.back().sequence; }
};

/// What happens to the calls of a peer, beside what they do.
struct FakeScript {
    /// Called with the step's name before it happens, and with "after STEP": may throw.
    std::function<void(const std::string& step)> before;
    std::mt19937 random{1};
    int turns_max = 0;                ///< Every step waits for up to so many turns of the loop.
    std::string hangs;                ///< This step waits until it is cancelled.
    std::vector<std::string> steps;   ///< What was called.
    std::vector<ChangesQuery> queries;
};

class FakePeer final : public Peer {
public:
    FakePeer(std::string name, FakeDatabase& database, FakeScript& script)
        : name_(std::move(name)), database_(database), script_(script) {}

    const std::string& name() const override { return name_; }
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
    friend class FakeFeed;
    Task<void> step(std::string name);
    StoreOutcome write(const TravellingDocument& document);

    std::string name_;
    FakeDatabase& database_;
    FakeScript& script_;
    bool cancelled_ = false;
    std::set<Signal*> waiting_;
};

}  // namespace divan::replication
