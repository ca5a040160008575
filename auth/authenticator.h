#pragma once

#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/clock.h"
#include "storage/base/error.h"
#include "storage/base/identity.h"

namespace divan::auth {

/// A name and a password from a Basic header.
struct Credentials {
    std::string name;
    std::string password;
};

/// Reads an Authorization header. Empty where there is none, or it is no Basic one ("Basic" is
/// case-sensitive; no colon and "_:_" mean nobody). Refuses bad base64 with `bad_request`.
Result<std::optional<Credentials>> parse_basic(const std::string* authorization);

/// Says who is behind credentials. Any thread.
///
/// A password hash costs milliseconds on purpose, so what was right once is remembered for a while,
/// under a keyed digest that is of no use outside this process.
class Authenticator {
public:
    /// The stored form of an admin's password (`[admins]`), empty where there is no such admin.
    using AdminPassword = std::function<std::optional<std::string>(std::string_view name)>;

    Authenticator(AdminPassword admin_password, const Clock& clock);
    ~Authenticator();

    /// The identity, where the same credentials were right within the last minutes and the admin's
    /// stored form is still the same. Cheap.
    std::optional<Identity> remembered(const Credentials& credentials) const;
    /// Computes the hash. Slow: for a pool. Refuses with `unauthorized` "Name or password is
    /// incorrect."; an unknown name takes as long as a wrong password. The same credentials from
    /// many threads at once are hashed once.
    Result<Identity> verify(const Credentials& credentials);

private:
    struct Known;

    std::string digest_of(const Credentials& credentials) const;
    bool password_is_right(const Credentials& credentials,
                           const std::optional<std::string>& stored);
    void remember(const std::string& digest, std::string stored);

    AdminPassword admin_password_;
    const Clock& clock_;
    std::string key_;
    mutable std::mutex mutex_;
    std::map<std::string, Known> known_;
    std::map<std::string, std::shared_future<bool>> under_way_;  ///< By digest and stored form.
    std::string decoy_;  ///< A hash like the admins' own, for names that are none.
};

}  // namespace divan::auth
