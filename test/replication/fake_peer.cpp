#include "test/replication/fake_peer.h"

#include <algorithm>

#include "storage/base/json.h"

namespace divan::replication {
namespace {

using std::chrono::hours;

PeerFailure cancelled() {
    return {PeerFailure::Kind::cancelled, "cancelled", "cancelled"};
}

/// A signal that is rung when the peer is cancelled.
class Waiting {
public:
    explicit Waiting(std::set<Signal*>& list) : list_(list) { list_.insert(&signal); }
    ~Waiting() { list_.erase(&signal); }
    Signal signal;

private:
    std::set<Signal*>& list_;
};

struct Turn {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) const {
        EventLoop::current()->post([awaiter] { awaiter.resume(); });
    }
    void await_resume() const noexcept {}
};

}  // namespace

void FakeDatabase::put(const std::string& id, const std::string& revision) {
    leaves[id].insert(revision);
    const auto next = sequence() + 1;
    std::erase_if(rows, [&](const Row& row) { return row.id == id; });
    rows.push_back({next, id});
    if (on_row) on_row();
}

class FakeFeed final : public ChangesFeed {
public:
    FakeFeed(FakePeer& peer, ChangesQuery query) : peer_(peer), query_(std::move(query)) {
        since_ = static_cast<std::uint64_t>(parse_json(query_.since).value().integer().value_or(0));
        if (query_.continuous) peer_.database_.on_row = signal_.ringer();
    }

    Task<ChangesBatch> next(std::size_t rows_max) override {
        co_await peer_.step("next");
        ChangesBatch batch;
        for (;;) {
            if (cancelled_ || peer_.cancelled_) throw cancelled();
            read(batch, rows_max);
            if (!batch.rows.empty() || batch.ended) break;
            peer_.waiting_.insert(&signal_);
            co_await signal_.wait(hours(1));
            peer_.waiting_.erase(&signal_);
        }
        co_return batch;
    }
    void cancel() override {
        cancelled_ = true;
        signal_.ring();
    }

private:
    void read(ChangesBatch& batch, std::size_t rows_max) {
        const auto& rows = peer_.database_.rows;
        std::uint64_t after = 0;
        for (const auto& row : rows) {
            if (row.sequence <= since_) continue;
            if (batch.rows.size() == rows_max) {
                ++after;
                continue;
            }
            SourceChange change;
            change.id = row.id;
            change.sequence = std::to_string(row.sequence);
            for (const auto& leaf : peer_.database_.leaves.at(row.id)) {
                change.leaves.push_back(storage::parse_revision(leaf).value());
            }
            batch.rows.push_back(std::move(change));
        }
        if (!batch.rows.empty()) {
            batch.last_sequence = batch.rows.back().sequence;
            since_ = std::stoull(batch.last_sequence);
        }
        batch.pending = after;
        batch.ended = !query_.continuous && after == 0;
    }

    FakePeer& peer_;
    ChangesQuery query_;
    std::uint64_t since_;
    bool cancelled_ = false;
    Signal signal_;
};

Task<void> FakePeer::step(std::string name) {
    script_.steps.push_back(name);
    if (cancelled_) throw cancelled();
    if (script_.hangs == name) {
        Waiting waiting(waiting_);
        while (!cancelled_) co_await waiting.signal.wait(hours(1));
    }
    const auto turns = script_.turns_max == 0
                           ? 0
                           : script_.random() % static_cast<unsigned>(script_.turns_max + 1);
    for (unsigned i = 0; i < turns; ++i) co_await Turn();
    if (cancelled_) throw cancelled();
    if (script_.before) script_.before(name);
}

Task<PeerInfo> FakePeer::info() {
    co_await step("info");
    PeerInfo info;
    info.update_sequence = std::to_string(database_.sequence());
    info.instance_start_time = database_.instance_start_time;
    co_return info;
}

Task<void> FakePeer::create(std::vector<std::pair<std::string, std::string>>) {
    co_await step("create");
}

Task<std::optional<std::string>> FakePeer::local_document(std::string_view id) {
    const std::string name(id);
    co_await step("local_document");
    const auto found = database_.locals.find(name);
    std::optional<std::string> document;
    if (found != database_.locals.end()) document = found->second;
    co_return document;
}

Task<std::string> FakePeer::put_local_document(std::string_view id, std::string json,
                                               std::string revision) {
    const std::string name(id);
    co_await step("put_local_document");
    auto& stored = database_.locals[name];
    std::string there;
    if (!stored.empty()) there = parse_json(stored).value().find("_rev")->string();
    if (there != revision) {
        throw PeerFailure(PeerFailure::Kind::rejected, "conflict", "Document update conflict.",
                          409);
    }
    const auto next = "0-" + std::to_string(++database_.local_writes);
    stored = R"({"_id":"_local/)" + name + R"(","_rev":")" + next + "\"," + json.substr(1);
    if (script_.before) script_.before("after put_local_document");
    co_return next;
}

Task<std::unique_ptr<ChangesFeed>> FakePeer::changes(ChangesQuery query) {
    co_await step("changes");
    script_.queries.push_back(query);
    std::unique_ptr<ChangesFeed> feed = std::make_unique<FakeFeed>(*this, std::move(query));
    co_return feed;
}

Task<std::vector<DocumentRevisions>> FakePeer::missing(std::vector<DocumentRevisions> asked) {
    co_await step("missing");
    for (auto& one : asked) {
        const auto& there = database_.leaves[one.id];
        std::erase_if(one.revisions, [&](const auto& revision) {
            return there.contains(to_string(revision));
        });
    }
    std::erase_if(asked, [](const auto& one) { return one.revisions.empty(); });
    co_return asked;
}

namespace {

struct OneByte : AttachmentSource {
    bool read_before = false;
    Task<bool> read(std::size_t, std::string& out) override {
        if (read_before) co_return false;
        out += 'x';
        co_return read_before = true;
    }
};

}  // namespace

Task<void> FakePeer::fetch(std::vector<DocumentRevisions> wanted, DocumentSink& sink) {
    co_await step("fetch");
    for (const auto& one : wanted) {
        for (const auto& revision : one.revisions) {
            if (script_.before) script_.before("document");
            if (database_.forgets.contains(one.id)) continue;
            auto lacks = database_.lacks.find(one.id);
            if (lacks != database_.lacks.end() && lacks->second-- > 0) {
                sink.absent(one.id, revision, "not_found", "missing");
                continue;
            }
            TravellingDocument document;
            document.id = one.id;
            document.revision = revision;
            document.json = R"({"_id":")" + one.id + R"(","_rev":")" + to_string(revision) + "\"}";
            OneByte bytes;
            const bool attached = database_.attached.contains(one.id);
            if (attached) document.attachment_bytes = {1};
            co_await sink.take(std::move(document), attached ? &bytes : nullptr);
        }
    }
}

StoreOutcome FakePeer::write(const TravellingDocument& document) {
    if (database_.refuses.contains(document.id)) return {false, "forbidden", "not you"};
    const auto misread = database_.misreads.find(document.id);
    if (misread != database_.misreads.end() && misread->second-- > 0) {
        return {false, "bad_request", "invalid UTF-8 JSON"};
    }
    database_.put(document.id, to_string(document.revision));
    return {};
}

Task<std::vector<StoreOutcome>> FakePeer::store(std::vector<TravellingDocument> documents) {
    co_await step("store");
    std::vector<StoreOutcome> outcomes;
    for (const auto& document : documents) outcomes.push_back(write(document));
    if (script_.before) script_.before("after store");
    co_return outcomes;
}

Task<StoreOutcome> FakePeer::store_streamed(TravellingDocument document,
                                            AttachmentSource& attachments) {
    std::string bytes;
    while (co_await attachments.read(0, bytes)) {}
    DIVAN_CHECK(bytes == "x");
    co_await step("store_streamed");
    auto outcome = write(document);
    co_return outcome;
}

Task<std::string> FakePeer::ensure_durable() {
    co_await step("ensure_durable");
    auto time = database_.instance_start_time;
    co_return time;
}

void FakePeer::cancel() {
    cancelled_ = true;
    for (auto* signal : waiting_) signal->ring();
}

}  // namespace divan::replication
