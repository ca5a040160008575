#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "storage/base/async/io_loop.h"
#include "storage/base/metrics.h"
#include "storage/base/setting.h"

namespace divan::replication {

/// What all peers of a process have in common: `[replicator]` of the configuration.
struct HttpClientSettings {
    bool verify_certificates = false;  ///< `verify_ssl_certificates`: false as in CouchDB.
    bool log_certificates = false;  ///< `verify_ssl_certificates_log`: where they are not verified.
    std::string trusted_file;  ///< `ssl_trusted_certificates_file`; empty: the system's.
    int certificate_depth_max = 3;  ///< `ssl_certificate_max_depth`.
    std::string cert_file;          ///< Ours, where peers ask for one: `cert_file`, `key_file`.
    std::string key_file;
    std::string key_password;  ///< `password`.
    bool session_auth = true;  ///< `auth_plugins` names couch_replicator_auth_session.
    std::chrono::seconds session_refresh{550};       ///< `session_refresh_interval_sec`.
    std::chrono::seconds session_refresh_least{5};   ///< `session_min_update_interval`.
    std::size_t host_connections_max = 200;          ///< `http_connections_per_host`: ours.
    std::chrono::milliseconds idle_limit{15'000};    ///< How long an unused connection is kept.
};

HttpClientSettings read_http_client_settings(const ReadSetting& read);

/// Connections to other servers, kept and shared by all peers of one loop, with what has to be
/// known of a server: its sessions, and how fast it wants to be asked.
///
/// Made before its loop runs or on its thread; destroyed after its peers and before its loop, when
/// the loop no longer runs or on its thread. `pool` looks up names and parses large answers; it and
/// `metrics` outlive it too.
class HttpClients {
public:
    HttpClients(IoLoop& loop, WorkPool& pool, HttpClientSettings settings,
                ReplicationMetrics& metrics);
    ~HttpClients();
    HttpClients(const HttpClients&) = delete;
    HttpClients& operator=(const HttpClients&) = delete;

    IoLoop& loop() const;
    WorkPool& pool() const;
    const HttpClientSettings& settings() const;

    struct Parts;
    Parts& parts() { return *parts_; }  ///< For replication/http alone.

private:
    std::unique_ptr<Parts> parts_;
};

}  // namespace divan::replication
