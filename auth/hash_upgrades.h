#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "auth/accounts.h"

namespace divan::auth {

/// Hashes passwords anew that are kept otherwise than new ones are: after a sign-in, as only then
/// the password is known. The salt stays, so that sessions and cookies go on. Any thread.
///
/// CouchDB: couch_password_hasher.
class HashUpgrades {
public:
    /// Runs work on a pool.
    using Post = std::function<void(std::function<void()>)>;

    /// All of them outlive this, and the pool's work ends before this does.
    HashUpgrades(storage::Catalog& catalog, ReadSetting setting, Accounts& accounts, Post post);

    /// Has it done soon; once at a time for a name. `seen` is the hash that the password was right
    /// for: where another is stored by then, nothing happens.
    void ask(const Credentials& credentials, const PasswordHash& seen);

private:
    void upgrade(const Credentials& credentials, const PasswordHash& seen);

    storage::Catalog& catalog_;
    const ReadSetting setting_;
    Accounts& accounts_;
    const Post post_;
    std::mutex mutex_;
    std::set<std::string> under_way_;  ///< Names.
};

}  // namespace divan::auth
