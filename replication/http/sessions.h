#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "replication/http/answer_parser.h"
#include "replication/http/slots.h"
#include "replication/http_clients.h"

namespace divan::replication {

/// Our session with one server as one user, which all peers share: couch_replicator_auth_session.
/// One loop's thread.
class PeerSession {
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class State : std::uint8_t {
        unknown,
        active,  ///< `cookie` is sent.
        basic,   ///< The server has no sessions, or none for us.
    };

    State state() const { return state_; }
    bool due(Time now) const {
        return state_ == State::unknown || (state_ == State::active && now >= refresh_at_);
    }
    std::string cookie_header() const { return "AuthSession=" + cookie_; }
    /// Rises with every new cookie.
    std::uint64_t epoch() const { return epoch_; }
    /// Who refreshes it holds this.
    Slots& lock() { return lock_; }

    /// Takes the cookie that an answer sets, where it sets one.
    bool take_cookie(const HttpHeaders& headers, Time now, const HttpClientSettings& settings);
    void use_basic() { state_ = State::basic; }
    /// A request with the cookie of `epoch` got 401 or 403. True where it is worth another try.
    bool refused(std::uint64_t epoch, Time now, const HttpClientSettings& settings);

private:
    State state_ = State::unknown;
    std::string cookie_;
    std::uint64_t epoch_ = 0;
    Time refreshed_;
    Time refresh_at_;
    Slots lock_{1};
};

/// All of them, by server, user and password.
class PeerSessions {
public:
    std::shared_ptr<PeerSession> of(const std::string& origin, const std::string& user,
                                    const std::string& password);

private:
    // Shared with the peers that use them; forgotten when the last one is gone.
    std::map<std::string, std::weak_ptr<PeerSession>> sessions_;
};

}  // namespace divan::replication
