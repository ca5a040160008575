#include "server/services.h"

#include <algorithm>

#include "server/config/config.h"
#include "server/departed_users.h"

namespace divan::server {
namespace {

using storage::Database;

// Hands work to a database's writer. The commit's callback runs on whatever thread drains the
// queue; the coroutine goes on on its own loop.
template <class T, class Submit>
class WriterAwaiter {
public:
    WriterAwaiter(WorkPool& pool, Database& database, Submit submit)
        : pool_(pool), database_(database), submit_(std::move(submit)) {}

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) {
        EventLoop* loop = EventLoop::current();
        WorkPool& pool = pool_;
        // Whoever drains may outlive the request that asked for it.
        auto database = database_.shared_from_this();
        const bool must_drain = submit_([this, loop, awaiter](T result) {
            result_.emplace(std::move(result));
            loop->post([awaiter] { awaiter.resume(); });
        });
        if (must_drain) pool.post([database] { database->writer().drain(); });
    }
    T await_resume() { return std::move(*result_); }

private:
    WorkPool& pool_;
    Database& database_;
    Submit submit_;
    std::optional<T> result_;
};

template <class T, class Submit>
WriterAwaiter<T, Submit> written(WorkPool& pool, Database& database, Submit submit) {
    return WriterAwaiter<T, Submit>(pool, database, std::move(submit));
}

void limit_partitions(const Config& config, std::vector<storage::Edit>& edits) {
    const auto bytes = config.get_integer("couchdb", "max_partition_size", 0);
    for (auto& edit : edits) {
        edit.partition_bytes_max = static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
    }
}

}  // namespace

Task<storage::EditOutcomes> write_edits(Services& services, Database& database,
                                        std::vector<storage::Edit> edits) {
    services.metrics.document_writes.fetch_add(edits.size(), std::memory_order_relaxed);
    if (database.entry().partitioned) limit_partitions(services.config, edits);
    auto& departed = services.departed_users;
    const auto in_danger = departed.in_danger(database, edits);
    if (!in_danger.empty()) co_await services.on_storage([&] { departed.note(in_danger); });
    auto submit = [&](std::function<void(storage::EditOutcomes)> done) {
        return database.writer().submit(std::move(edits), std::move(done));
    };
    auto waiting = written<storage::EditOutcomes>(services.pool, database, std::move(submit));
    auto outcomes = co_await waiting;
    if (!in_danger.empty()) co_await services.on_storage([&] { departed.settle(in_danger); });
    co_return std::move(outcomes);
}

Task<Result<storage::Purged>> write_purge(Services& services, Database& database,
                                          std::vector<storage::PurgeRow> rows) {
    auto& departed = services.departed_users;
    const auto in_danger = departed.in_danger(database, rows);
    if (!in_danger.empty()) co_await services.on_storage([&] { departed.note(in_danger); });
    auto submit = [&](std::function<void(Result<storage::Purged>)> done) {
        return database.writer().submit_purge(std::move(rows), std::move(done));
    };
    auto waiting = written<Result<storage::Purged>>(services.pool, database, std::move(submit));
    auto purged = co_await waiting;
    if (!in_danger.empty()) co_await services.on_storage([&] { departed.settle(in_danger); });
    co_return std::move(purged);
}

}  // namespace divan::server
