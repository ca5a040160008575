#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/basic.h"
#include "auth/lockout.h"
#include "auth/one_time_code.h"
#include "auth/password_check.h"
#include "auth/user_document.h"
#include "storage/base/identity.h"
#include "storage/database/catalog.h"

namespace divan::auth {

/// Someone who can sign in: an admin of `[admins]`, a user of `_users`, or both.
struct Account {
    std::string name;
    std::vector<std::string> roles;  ///< "_admin" first for server admins, then the document's.
    std::string salt;   ///< Goes into cookies' HMAC as in CouchDB; empty where there is none.
    std::string stamp;  ///< Changes when the password changes, not by an upgrade of its hash.
    bool has_password = false;  ///< False: signs in by other means only.
    std::optional<OneTimeCodes> second_factor;

    Identity identity(std::string authenticated_by) const {
        return {name, roles, std::move(authenticated_by)};
    }
};

/// What `Accounts::verify` refuses with where the password is right and the one-time code is not,
/// or not there. Its body reads like that of a wrong password.
const Error& wrong_code();

/// Who can sign in, and whether a password is theirs. Any thread.
///
/// An admin of `[admins]` with a user document has the admin's password and the roles of both. Of
/// a document's roles those starting with "_" do not count, except "_metrics": a user document
/// makes nobody an admin, however it got there.
///
/// CouchDB: chttpd_auth_cache, couch_httpd_auth:authenticate/5.
class Accounts {
public:
    /// `catalog` and `clock` outlive this.
    Accounts(storage::Catalog& catalog, ReadSetting setting, const Clock& clock);
    ~Accounts();

    /// Empty where nobody has that name, and where its document has conflicts that the setting
    /// `allow_conflicted_user_docs` does not allow. Cached by the document's revision; a short
    /// read of the engine where it has changed.
    std::optional<Account> find(std::string_view name) const;

    /// Whose credentials these are, where they were right lately and the password is still the
    /// same. Cheap. Empty where that has to be found out by `verify`.
    std::optional<Account> remembered(const Credentials& credentials,
                                      std::string_view client_address) const;

    /// Computes one hash. Slow: for a pool. Refuses with `unauthorized` "Name or password is
    /// incorrect.", for an unknown name too, after the same time; with `forbidden` where the
    /// account is closed to this client (`Lockout`), or its hash is none that may be computed.
    Result<Account> verify(const Credentials& credentials, std::string_view client_address);

    /// Who signed in with a password whose hash is not as `password_policy` says now. `listener`
    /// is given the hash that is kept now; it runs on the thread of `verify`, must be short, and
    /// may have the hash made anew later. Set before use.
    using OutdatedHash = std::function<void(const Credentials&, const PasswordHash&)>;
    void on_outdated_hash(OutdatedHash listener) { on_outdated_hash_ = std::move(listener); }
    /// The hash of these credentials was made anew: they need not be checked again.
    void rehashed(const Credentials& credentials, const PasswordHash& hash) {
        passwords_.remember(credentials, hash);
    }

private:
    struct User;
    struct Admin;
    struct Known;

    /// `expected_absent`: that there is none is worth remembering. Of any name it would let
    /// strangers fill the memory.
    std::shared_ptr<const User> read_user(std::string_view name, bool expected_absent) const;
    std::shared_ptr<const Admin> read_admin(std::string_view name) const;
    Known known(std::string_view name) const;
    bool may_use_conflicted() const;
    enum class Right : std::uint8_t { no, password_alone, yes };
    Right is_theirs(const Credentials& credentials, const Known& known);
    bool spend_code(std::string_view name, std::int64_t step);
    void report_outdated(const Credentials& credentials, const Known& known) const;

    storage::Catalog& catalog_;
    const ReadSetting setting_;
    const Clock& clock_;
    Lockout lockout_;
    PasswordCheck passwords_;
    OutdatedHash on_outdated_hash_;
    mutable std::mutex mutex_;
    struct Cached;
    mutable LruMap<Cached> users_;
    mutable LruMap<std::shared_ptr<const Admin>> admins_;
    LruMap<std::int64_t> codes_spent_;  ///< The step of the last one-time code, by user.
};

}  // namespace divan::auth
