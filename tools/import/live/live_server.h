#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replication/http/client.h"
#include "replication/peer.h"
#include "storage/base/json.h"
#include "tools/import/live/loop_thread.h"

namespace divan::import {

/// How a server is reached.
struct LiveAccess {
    std::string url;  ///< Of the server, or of one database; with user and password where needed.
    std::vector<std::pair<std::string, std::string>> headers;  ///< Sent with every request.
    /// Of IBM Cloud: exchanged for tokens at `iam_url`, as often as they end. Empty: none.
    std::string iam_api_key;
    std::string iam_url = "https://iam.cloud.ibm.com/identity/token";
    bool verify_certificates = true;
};

/// A source or target that is a URL.
bool is_url(std::string_view text);

/// A server of CouchDB's kind. Any thread; every call waits for its answer. Throws
/// `replication::PeerFailure` where there is none, or one that is no JSON.
class LiveServer {
public:
    explicit LiveServer(LiveAccess access);
    ~LiveServer();
    LiveServer(const LiveServer&) = delete;
    LiveServer& operator=(const LiveServer&) = delete;

    struct Reply {
        int status = 0;
        JsonValue json;
        bool good() const { return status >= 200 && status < 300; }
    };
    /// `path` is that of a URL, after the server's. Any status is an answer.
    Reply reply(const std::string& method, const std::string& path, const std::string& query = {},
                const std::string& body = {});
    /// Throws for 401 and 403 too.
    Reply ask(const std::string& method, const std::string& path, const std::string& query = {},
              const std::string& body = {});
    /// Empty where the answer is a 404. Throws for any other that is not good.
    std::optional<JsonValue> find(const std::string& path, const std::string& query = {});
    /// Throws for whatever answer is not good.
    JsonValue require(const std::string& method, const std::string& path,
                      const std::string& query = {}, const std::string& body = {});

    /// Of the server: without credentials and database.
    const std::string& address() const { return address_; }
    /// The one database that the URL names; empty where it is the server's.
    const std::string& only_database() const { return only_database_; }

    /// Whether it is a CouchDB of version 3 or later, which gives new databases a `_security`: one
    /// without members was put by somebody.
    bool secures_databases() const { return secures_databases_; }

    /// One database, for whom to use on the loop.
    std::unique_ptr<replication::Peer> make_peer(const std::string& database);
    LoopThread& loop() { return loop_; }

private:
    void make_client();
    void find_database();
    void look_at_greeting(const JsonValue& greeting);
    replication::HttpPeerSettings settings(const std::string& url);

    LiveAccess access_;
    LoopThread loop_;
    std::shared_ptr<replication::TokenSource> tokens_;
    std::unique_ptr<replication::HttpClient> client_;
    std::string base_url_;
    std::string address_;
    std::string only_database_;
    bool secures_databases_ = false;
};

/// A name as a part of a path.
std::string path_part(std::string_view name);

}  // namespace divan::import
