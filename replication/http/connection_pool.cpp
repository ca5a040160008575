#include "replication/http/connection_pool.h"

#include <algorithm>

namespace divan::replication {

ConnectionPool::ConnectionPool(IoLoop& loop, WorkPool& pool, const HttpClientSettings& settings,
                               ReplicationMetrics& metrics)
    : loop_(loop), pool_(pool), settings_(settings), metrics_(metrics), tls_(settings) {}

void ConnectionPool::Closer::operator()(HttpConnection* connection) const {
    delete connection;
    ReplicationMetrics::count(metrics_->connections_closed);
    metrics_->connections_open.fetch_sub(1, std::memory_order_relaxed);
}

ConnectionPool::~ConnectionPool() {
    if (cancel_sweep_) cancel_sweep_();
}

ConnectionPool::Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_),
      host_(std::exchange(other.host_, nullptr)),
      slot_(std::move(other.slot_)),
      connection_(std::move(other.connection_)),
      options_(other.options_),
      reused_(other.reused_) {}

ConnectionPool::Lease::~Lease() {
    if (host_ == nullptr) return;
    --host_->leases;
    if (connection_ && connection_->reusable()) {
        const auto now = std::chrono::steady_clock::now();
        pool_->give_back(*host_, Idle{std::move(connection_), options_, now});
    }
    pool_->schedule_sweep();
}

Task<ConnectionPool::Lease> ConnectionPool::take(const Route& route, Wish wish,
                                                 ExchangeLimits limits) {
    auto& host = hosts_[route.key()];
    if (!host) host = std::make_unique<Host>(settings_.host_connections_max);
    Lease lease(*this, *host);
    if (wish.counted) {
        auto& slots = wish.write ? host->writes : host->reads;
        lease.slot_ = co_await slots.take(*limits.cancellation);
    }
    lease.options_ = wish.options;
    lease.connection_ = take_idle(*lease.host_, wish);
    lease.reused_ = lease.connection_ != nullptr;
    if (lease.reused_) {
        ReplicationMetrics::count(metrics_.connections_reused);
        co_return lease;
    }
    auto opened = co_await open_connection(loop_, pool_, tls_, route, wish.options, limits);
    ReplicationMetrics::count(metrics_.connections_created);
    ReplicationMetrics::count(metrics_.connections_open);
    lease.connection_ = Connection(opened.release(), Closer(metrics_));
    co_return lease;
}

ConnectionPool::Connection ConnectionPool::take_idle(Host& host, const Wish& wish) {
    const auto oldest = std::chrono::steady_clock::now() - wish.idle_max;
    const auto place = std::find_if(host.idle.begin(), host.idle.end(), [&](const Idle& idle) {
        return idle.since >= oldest && idle.options == wish.options;
    });
    if (place == host.idle.end()) return nullptr;
    auto connection = std::move(place->connection);
    host.idle.erase(place);
    connection->when_ended(nullptr);
    return connection;
}

void ConnectionPool::give_back(Host& host, Idle idle) {
    ReplicationMetrics::count(metrics_.connections_released);
    const auto place = host.idle.insert(host.idle.begin(), std::move(idle));
    place->connection->when_ended([&host, place] { host.idle.erase(place); });
}

void ConnectionPool::schedule_sweep() {
    if (cancel_sweep_) return;
    cancel_sweep_ = loop_.after(settings_.idle_limit / 2 + std::chrono::milliseconds(1), [this] {
        cancel_sweep_ = nullptr;
        sweep();
    });
}

void ConnectionPool::sweep() {
    const auto oldest = std::chrono::steady_clock::now() - settings_.idle_limit;
    for (auto entry = hosts_.begin(); entry != hosts_.end();) {
        auto& host = *entry->second;
        std::erase_if(host.idle, [oldest](const Idle& idle) { return idle.since < oldest; });
        const bool unused = host.idle.empty() && host.leases == 0;
        entry = unused ? hosts_.erase(entry) : std::next(entry);
    }
    if (!hosts_.empty()) schedule_sweep();
}

}  // namespace divan::replication
