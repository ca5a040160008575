#pragma once

#include "replication/http/connection_pool.h"
#include "replication/http/rate_limiter.h"
#include "replication/http/sessions.h"

namespace divan::replication {

struct HttpClients::Parts {
    Parts(IoLoop& its_loop, WorkPool& its_pool, HttpClientSettings its_settings)
        : loop(its_loop),
          pool(its_pool),
          settings(std::move(its_settings)),
          connections(loop, pool, settings) {}

    IoLoop& loop;
    WorkPool& pool;
    const HttpClientSettings settings;
    ConnectionPool connections;
    RateLimiter limiter;
    PeerSessions sessions;
};

}  // namespace divan::replication
