#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "storage/base/setting.h"
#include "storage/database/catalog.h"

namespace divan::auth {

/// A private database for every user, `[couch_peruser]`: enable, delete_dbs, database_prefix, q.
///
/// Follows the users database on a thread of its own: where a user document appears, the user's
/// database is made and the user becomes its admin and member; where it is deleted, so is the
/// database (`delete_dbs`), or the user's name leaves its `_security`. Begins at the first user
/// whenever it starts or is switched on, so that nothing is missed while it was off.
///
/// CouchDB: couch_peruser.
class UserDatabases {
public:
    /// `catalog` outlives this.
    UserDatabases(storage::Catalog& catalog, ReadSetting setting);
    /// Ends after the user whose turn it is.
    ~UserDatabases();
    UserDatabases(const UserDatabases&) = delete;
    UserDatabases& operator=(const UserDatabases&) = delete;

    /// The name of a user's database: the prefix and the name's bytes in hexadecimal, two digits
    /// each, so that no two users have the same one. (CouchDB writes one digit for a byte below 16,
    /// so a name with control characters can be made to fall on another user's database.)
    static std::string name_for(std::string_view prefix, std::string_view user);

private:
    struct Rules;

    void run();
    bool stopping();
    void rest();
    void forget();
    void follow();
    void catch_up(const Rules& rules);
    void tell(std::string failure);
    void keep_in_step(const Rules& rules, std::string_view user, bool deleted);

    storage::Catalog& catalog_;
    const ReadSetting setting_;
    // Of the thread alone:
    std::shared_ptr<storage::Database> users_;  ///< Held, so that its bell is not let go.
    std::uint64_t listener_ = 0;
    Sequence done_;       ///< The last change that was acted on.
    std::string prefix_;  ///< With which it was.
    std::string failure_;  ///< The last one; told once, however often it comes.

    std::mutex mutex_;
    std::condition_variable wake_;
    bool rung_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

/// `_security` with `user` among the names of admins and members, or without. Other members stay.
std::string with_user_listed(std::string_view security_json, std::string_view user, bool listed);

}  // namespace divan::auth
