#pragma once

#include "replication/http/connection_pool.h"
#include "replication/http/rate_limiter.h"
#include "replication/http/sessions.h"

namespace divan::replication {

struct HttpClients::Parts {
    Parts(IoLoop& its_loop, WorkPool& its_pool, HttpClientSettings its_settings,
          ReplicationMetrics& its_metrics)
        : loop(its_loop),
          pool(its_pool),
          settings(std::move(its_settings)),
          metrics(its_metrics),
          connections(loop, pool, settings, metrics) {}

    IoLoop& loop;
    WorkPool& pool;
    const HttpClientSettings settings;
    ReplicationMetrics& metrics;
    ConnectionPool connections;
    RateLimiter limiter;
    PeerSessions sessions;
};

}  // namespace divan::replication
