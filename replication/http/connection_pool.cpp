#include "replication/http/connection_pool.h"

namespace divan::replication {

ConnectionPool::ConnectionPool(IoLoop& loop, WorkPool& pool, const HttpClientSettings& settings)
    : loop_(loop), pool_(pool), settings_(settings), tls_(settings) {}

ConnectionPool::~ConnectionPool() {
    if (cancel_sweep_) cancel_sweep_();
}

ConnectionPool::Lease::Lease(Lease&& other) noexcept
    : pool_(other.pool_),
      host_(std::exchange(other.host_, nullptr)),
      slot_(std::move(other.slot_)),
      connection_(std::move(other.connection_)),
      reused_(other.reused_) {}

ConnectionPool::Lease::~Lease() {
    if (host_ == nullptr) return;
    --host_->leases;
    if (connection_ && connection_->reusable()) pool_->give_back(*host_, std::move(connection_));
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
    auto& idle = lease.host_->idle;
    const auto now = std::chrono::steady_clock::now();
    if (!idle.empty() && now - idle.front().since <= wish.idle_max) {
        lease.connection_ = std::move(idle.front().connection);
        lease.connection_->when_ended(nullptr);
        lease.reused_ = true;
        idle.pop_front();
        co_return lease;
    }
    lease.connection_ = co_await open_connection(loop_, pool_, tls_, route, limits);
    co_return lease;
}

void ConnectionPool::give_back(Host& host, std::unique_ptr<HttpConnection> connection) {
    const auto place = host.idle.insert(
        host.idle.begin(), Idle{std::move(connection), std::chrono::steady_clock::now()});
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
