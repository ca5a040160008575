#pragma once

#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/account_codes.h"
#include "storage/base/bytes.h"
#include "storage/base/clock.h"

namespace divan::auth {

/// Ceremonies that may be under way at once, on the server and of one client. Beyond that the
/// oldest one ends.
inline constexpr std::size_t ceremonies_max = 20'000;
inline constexpr std::size_t ceremonies_of_client_max = 8;

/// What a challenge was given for.
struct Ceremony {
    enum class Kind : std::uint8_t { registration, sign_in };

    Kind kind = Kind::sign_in;
    std::string user;                ///< Of a sign-in without a name: empty.
    bool new_account = false;        ///< The user is to be made.
    std::vector<std::string> roles;  ///< Of a new account.
    Bytes user_handle;               ///< Of a registration.
    std::optional<CodeKey> code;     ///< What entitles to the registration: spent by it.
};

/// Challenges that were given and not answered yet. In memory: a restart ends ceremonies. Any
/// thread.
class Challenges {
public:
    /// `clock` outlives this.
    explicit Challenges(const Clock& clock) : clock_(clock) {}

    /// 32 random bytes, good for one answer by the same client within `lifetime`. `client` names a
    /// session or a browser, and is not to be guessed by others.
    Bytes give(Ceremony ceremony, std::string client, std::chrono::seconds lifetime);
    /// What the challenge was given for; it is good no more, whatever becomes of the answer. Empty
    /// where it was never given, not for that kind or to none of `clients`, was answered, or is too
    /// old.
    std::optional<Ceremony> take(BytesView challenge, Ceremony::Kind kind,
                                 const std::vector<std::string>& clients);

    std::size_t size() const;

private:
    struct Entry {
        Bytes challenge;
        Ceremony ceremony;
        std::string client;
        std::chrono::steady_clock::time_point expires;
    };
    using Entries = std::list<Entry>;

    void erase(Entries::iterator entry);
    void make_room(const std::string& client);

    const Clock& clock_;
    mutable std::mutex mutex_;
    Entries entries_;  ///< Oldest first.
    std::map<Bytes, Entries::iterator, std::less<>> by_challenge_;
    std::map<std::string, std::list<Entries::iterator>, std::less<>> by_client_;  ///< Oldest first.
};

}  // namespace divan::auth
