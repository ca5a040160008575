#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/async/socket_options.h"
#include "storage/base/error.h"
#include "storage/base/identity.h"
#include "storage/base/json.h"

namespace divan::replication {

/// Names and values, in CouchDB's order.
using Headers = std::vector<std::pair<std::string, std::string>>;

/// Of Basic, in the clear: for the peer alone, never shown, never logged.
struct PeerCredentials {
    std::string name;
    std::string password;
    std::string name_as_written = {};  ///< Escapes of the address not decoded; ids have this one.
    bool operator==(const PeerCredentials&) const = default;
};

/// One end of a replication.
struct Endpoint {
    /// The address without user and password; it ends with "/" where it has no query. Of a
    /// database of this server the address that CouchDB would make of it.
    std::string url;
    std::string local_database;  ///< Not empty: that database of this server.
    /// What the request says besides credentials that Basic carries (`credentials`).
    Headers headers = {};
    std::optional<PeerCredentials> credentials = {};
    std::string proxy = {};  ///< An address with its credentials; empty: none.
    bool operator==(const Endpoint&) const = default;
};

/// What may be set for one replication and has its default in `[replicator]`. What the body of a
/// replication says is brought into the bounds of `parse_replication`.
struct Tuning {
    std::chrono::milliseconds connection_timeout{30'000};
    int retries = 5;             ///< Of a request, after the first try.
    int http_connections = 20;   ///< At once, to one end.
    int worker_batch_size = 500; ///< Changes that are looked up in one request.
    int worker_processes = 4;    ///< Batches on their way at once.
    std::chrono::milliseconds checkpoint_interval{30'000};
    bool use_checkpoints = true;
    bool use_bulk_get = true;
    SocketOptions sockets = {};
    bool operator==(const Tuning&) const = default;
};

/// Defaults and what is allowed at all, read from `[replicator]`.
struct Rules {
    Tuning tuning = {};
    std::vector<std::string> endpoint_protocols = {"http", "https"};
    std::vector<std::string> proxy_protocols = {"http", "https", "socks5"};
    std::vector<std::string> socket_options = {"buffer",  "keepalive", "nodelay",
                                               "priority", "recbuf",   "sndbuf"};
};

/// A replication as a `_replicate` body or a `_replicator` document asks for it.
struct Replication {
    Endpoint source = {};
    Endpoint target = {};
    std::string database = {};  ///< Of the document; empty: a transient one.
    std::string doc_id = {};    ///< Of the document.
    Identity user = {};         ///< Who asked, or `user_ctx` of the document.

    bool cancel = false;
    std::optional<std::string> cancel_id = {};  ///< The one to be cancelled, where it was named.
    bool continuous = false;
    bool create_target = false;
    std::vector<std::pair<std::string, std::string>> create_target_params = {};
    bool winning_revs_only = false;
    std::optional<std::vector<std::string>> doc_ids = {};  ///< Sorted, each once.
    std::string filter = {};  ///< "ddoc/name", "_view", …; empty: none.
    JsonValue query_params = {};  ///< An object, or null where nothing was said.
    std::optional<JsonValue> selector = {};
    std::optional<JsonValue> since_seq = {};
    Tuning tuning = {};

    /// Whether both ask for the same, by the same document or by requests.
    bool same_as(const Replication& other) const;
    /// `query_params` as they stand in a query: strings as they are, other values as JSON.
    std::vector<std::pair<std::string, std::string>> query_pairs() const;
};

/// What names mean that are no address: databases of this server, opened as who asks. Ids of
/// replications are made of the address and headers that CouchDB would make of such a name
/// (chttpd:make_uri/2).
struct LocalNames {
    std::string base;  ///< "http://127.0.0.1:5984/"
    std::string authorization;
    std::string cookie;  ///< "AuthSession=…", or empty.
};

/// Reads what couch_replicator_parse reads, and refuses with its sentences. Without `local` names
/// that are no address are refused: documents may not have them. A request that only names the
/// replication to be cancelled has empty ends.
Result<Replication> parse_replication(const JsonValue& body, const Rules& rules,
                                      const LocalNames* local);

/// The address that may be shown of a document's `source` or `target`: no user, no password, a
/// local name as it is. Empty where nothing can be shown (couch_replicator:strip_url_creds/1).
std::optional<std::string> shown_address(const JsonValue* endpoint);

/// Erlang's list of options, as `[{keepalive, true}, {sndbuf, 10000}]`. Those that are not
/// `allowed` are skipped; what is no list at all has none.
SocketOptions parse_socket_options(std::string_view text,
                                   const std::vector<std::string>& allowed);

}  // namespace divan::replication
