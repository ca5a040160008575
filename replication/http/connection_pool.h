#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "replication/http/route.h"
#include "replication/http/slots.h"
#include "storage/base/metrics.h"

namespace divan::replication {

/// Connections by route: those that nobody uses are kept for a while, and no route has more reads
/// or more writes at once than its limit, feeds apart. One loop's thread; outlives its leases.
class ConnectionPool {
public:
    /// All outlive it.
    ConnectionPool(IoLoop& loop, WorkPool& pool, const HttpClientSettings& settings,
                   ReplicationMetrics& metrics);
    ~ConnectionPool();

    /// Ends a connection, and counts that.
    class Closer {
    public:
        Closer() noexcept : metrics_(nullptr) {}
        explicit Closer(ReplicationMetrics& metrics) noexcept : metrics_(&metrics) {}
        void operator()(HttpConnection* connection) const;

    private:
        ReplicationMetrics* metrics_;
    };
    using Connection = std::unique_ptr<HttpConnection, Closer>;
    struct Idle {
        Connection connection;
        SocketOptions options;
        std::chrono::steady_clock::time_point since;
    };
    struct Host {
        explicit Host(std::size_t connections_max)
            : reads(connections_max), writes(connections_max) {}
        // A read may go on for as long as a write to the same server waits for its turn.
        Slots reads;
        Slots writes;
        std::list<Idle> idle;  ///< The one used last is the first.
        std::size_t leases = 0;
    };

    /// A connection for one exchange. Goes back to the pool where the exchange was read to its end.
    class Lease {
    public:
        Lease(ConnectionPool& pool, Host& host) : pool_(&pool), host_(&host) { ++host.leases; }
        Lease(Lease&& other) noexcept;
        Lease& operator=(Lease&&) = delete;
        ~Lease();

        HttpConnection& connection() { return *connection_; }
        /// It was used before, so the server may just have closed it.
        bool reused() const { return reused_; }

    private:
        friend class ConnectionPool;
        ConnectionPool* pool_;
        Host* host_;
        Slots::Slot slot_;
        Connection connection_;
        SocketOptions options_;
        bool reused_ = false;
    };

    struct Wish {
        bool counted = true;
        bool write = false;
        /// The longest an idle connection may have been so, to be good.
        std::chrono::milliseconds idle_max{3'600'000};
        SocketOptions options = {};
    };
    Task<Lease> take(const Route& route, Wish wish, ExchangeLimits limits);

private:
    static Connection take_idle(Host& host, const Wish& wish);
    void give_back(Host& host, Idle idle);
    void sweep();
    void schedule_sweep();

    IoLoop& loop_;
    WorkPool& pool_;
    const HttpClientSettings& settings_;
    ReplicationMetrics& metrics_;
    TlsClient tls_;
    std::map<std::string, std::unique_ptr<Host>> hosts_;
    std::function<void()> cancel_sweep_;
};

}  // namespace divan::replication
