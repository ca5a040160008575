#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "replication/http/connection_pool.h"
#include "replication/http/parts.h"
#include "replication/http_peer.h"

namespace divan::replication {

/// What to ask of a database. `path` follows the database's address ("_changes", "a%2Fb"), or the
/// server's where it begins with a slash.
struct HttpRequest {
    std::string method = "GET";
    std::string path;
    std::string query;  ///< Without "?".
    HttpHeaders headers;
    std::string body;
    /// Instead of `body`, streamed: such a request is not tried a second time.
    BodySource* source = nullptr;
    std::optional<std::uint64_t> source_bytes;  ///< None: chunked.
    bool feed = false;  ///< Its answer may go on for ever: no time limit but silence, no slot.
    bool nested = false;  ///< Asked while another answer is read, which holds a slot: needs none.
    bool write = false;   ///< Of documents, which may come out of another answer.
    bool once = false;  ///< Whoever asks tries again himself.
    Cancellation* cancellation = nullptr;  ///< Instead of the client's.
};

/// An answer whose body is still to be read. Destroy it to end the exchange.
class HttpAnswer {
public:
    HttpAnswer(Slots::Slot slot, ConnectionPool::Lease lease)
        : slot_(std::move(slot)), lease_(std::move(lease)) {}

    AnswerHead head;
    /// Appends some of the body to `out`; false at its end. Throws `PeerFailure`.
    Task<bool> read(std::string& out) { return lease_.connection().read_body(out); }
    /// What is there now, without waiting; false: nothing.
    bool read_some(std::string& out) { return lease_.connection().read_some(out); }
    /// The whole body. Throws `malformed` where it is longer.
    Task<std::string> body(std::size_t bytes_max);

private:
    friend class HttpClient;
    Slots::Slot slot_;
    ConnectionPool::Lease lease_;
};

struct HttpReply {
    int status = 0;
    HttpHeaders headers;
    std::string body;
};

/// Asks one database behind a URL: signs in, follows redirects, waits where the server wants fewer
/// requests, and tries again where it failed (couch_replicator_httpc). One loop's thread.
class HttpClient {
public:
    /// Throws `PeerFailure` where the settings are none.
    HttpClient(HttpPeerSettings settings, HttpClients& clients);

    /// Returns when there is an answer that trying again will not change, a refusal included.
    /// `request` stays until then. Throws `PeerFailure`.
    Task<std::unique_ptr<HttpAnswer>> send(const HttpRequest& request);
    /// The same with the body, which is read anew where it was cut off.
    Task<HttpReply> exchange(const HttpRequest& request, std::size_t body_bytes_max);

    /// The database's address, without credentials, with a slash at its end.
    const std::string& name() const { return name_; }
    const HttpPeerSettings& settings() const { return settings_; }
    Cancellation& cancellation() { return cancellation_; }
    WorkPool& pool() { return clients_.pool(); }
    ReplicationMetrics& metrics();
    /// Waits before another try, longer each time; throws where it is cancelled.
    Task<void> back_off(unsigned tries, Cancellation& cancellation);
    Task<void> back_off(unsigned tries) { return back_off(tries, cancellation_); }

private:
    struct Target {
        Route route;
        std::string path;  ///< With the query.
        std::string method;
        bool same_server = true;  ///< As the peer's: credentials are for it alone.
    };
    /// What came of one try.
    struct Attempt {
        std::unique_ptr<HttpAnswer> answer;
        std::optional<PeerFailure> failure;
        bool stale = false;  ///< The server had closed a connection that was kept.
        std::optional<std::uint64_t> epoch;  ///< Of the session's cookie that was sent.
        std::optional<std::string> token;    ///< That was sent.
    };
    enum class Verdict : unsigned char { good, again, failed };

    Task<void> attempt(const HttpRequest& request, const Target& target, bool fresh,
                       Attempt& result);
    Task<void> ask(const HttpRequest& request, const Target& target, std::string authorization,
                   bool fresh, Attempt& result);
    void count(const HttpRequest& request, bool good);
    Task<void> wait_for_turn(Cancellation& cancellation);
    Verdict judge(const HttpRequest& request, Target& target, unsigned& turns, Attempt& result);
    void redirect(const HttpRequest& request, const AnswerHead& head, Target& target) const;
    std::string request_head(const HttpRequest& request, const Target& target,
                             const std::string& authorization) const;
    void append_headers(std::string& out, const HttpRequest& request, const Target& target) const;
    std::string authorization(const Target& target, Attempt& result) const;
    Task<void> sign_in();
    Task<void> open_session(bool with_basic, Attempt& result);
    Cancellation& cancellation_of(const HttpRequest& request) {
        return request.cancellation == nullptr ? cancellation_ : *request.cancellation;
    }
    ExchangeLimits limits(const HttpRequest& request);

    HttpPeerSettings settings_;
    HttpClients& clients_;
    HttpClients::Parts& parts_;
    HttpHeaders headers_;  ///< Of every request; no credentials.
    Cancellation cancellation_;
    Slots connections_;
    Route route_;
    std::string base_path_;
    std::string name_;
    std::optional<HttpCredentials> credentials_;
    std::shared_ptr<PeerSession> session_;  ///< Shared with other peers; null without credentials.
};

}  // namespace divan::replication
