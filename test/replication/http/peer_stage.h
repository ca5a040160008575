#pragma once

#include <string>
#include <vector>

#include "replication/http_peer.h"
#include "test/replication/http/keeping_sink.h"
#include "test/replication/http/loop_run.h"
#include "test/support/test_server.h"

namespace divan::replication {

/// All that `from` has and `to` lacks, as a job would, without checkpoints.
Task<std::size_t> copy_all(Peer& from, Peer& to, ChangesQuery query);

inline HttpPeerSettings peer_at(const test::TestServer& server, const std::string& database) {
    HttpPeerSettings settings;
    settings.url = "http://admin:secret@127.0.0.1:" + std::to_string(server.port());
    settings.url += "/" + database;
    settings.silence_limit = std::chrono::minutes(2);
    settings.retries = 2;
    return settings;
}

/// Every leaf of every document as `open_revs=all` tells it, attachments included: equal where two
/// databases are.
std::string all_leaves(test::TestServer& server, const std::string& database);

}  // namespace divan::replication
