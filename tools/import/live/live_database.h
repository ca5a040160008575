#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/import/live/live_server.h"
#include "tools/import/model.h"

namespace divan::import {

/// What one database of a server is asked for by both who read from it and who write to it. One
/// thread at a time; throws `replication::PeerFailure`.
class LiveDatabase {
public:
    /// `server` outlives it.
    LiveDatabase(std::shared_ptr<LiveServer> server, std::string name);
    ~LiveDatabase();
    LiveDatabase(const LiveDatabase&) = delete;
    LiveDatabase& operator=(const LiveDatabase&) = delete;

    const std::string& name() const { return name_; }
    LiveServer& server() { return *server_; }
    replication::Peer& peer() { return *peer_; }
    /// The path of something in it.
    std::string path(const std::string& rest = {}) const;

    /// Partitioned or not, `_security`, limits; what the server does not know stays as it is.
    DatabaseInfo info() { return info(about()); }
    /// What the server says of it: the answer to `GET /db`, of which the other is made, too.
    JsonValue about();
    DatabaseInfo info(const JsonValue& about);
    /// Those that the server remembers and lists, as CouchDB does since 3.4; else none.
    std::vector<Purge> purges();
    /// Runs a task of the peer's.
    template <class T>
    T run(const std::function<Task<T>(replication::Peer&)>& make) {
        return server_->loop().run<T>([&] { return make(*peer_); });
    }

    /// The leaves of `rows` with bodies and attachments, those of one document together, in the
    /// order of rows. What the server does not give is told.
    std::vector<Document> fetch(const std::vector<replication::SourceChange>& rows,
                                const TellFailure& failed);
    /// Those of these documents that are there now, in the order of `ids`.
    std::vector<Document> read(const std::vector<std::string>& ids, const TellFailure& failed);

private:
    std::shared_ptr<LiveServer> server_;
    std::string name_;
    std::unique_ptr<replication::Peer> peer_;
};

}  // namespace divan::import
