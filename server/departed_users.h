#pragma once

#include <string>
#include <vector>

#include "auth/accounts.h"
#include "auth/passkey_ceremonies.h"
#include "auth/sessions.h"
#include "auth/system_store.h"
#include "storage/database/database.h"
#include "storage/database/edit.h"
#include "storage/database/writer.h"

namespace divan::server {

/// Lets passkeys, codes and sessions leave with their user's document, so that whoever gets the
/// name later gets none of them. Whose document may go is written down before it goes: a crash in
/// between is made good at the next start. Any thread; `note` and `settle` are for a pool.
class DepartedUsers {
public:
    using Names = std::vector<std::string>;

    /// All of them outlive this.
    DepartedUsers(storage::Catalog& catalog, ReadSetting setting, auth::SystemStore& store,
                  auth::PasskeyCeremonies& passkeys, auth::Sessions& sessions);

    /// The users whose documents this may delete; none for other databases than the users'.
    Names in_danger(const storage::Database& database,
                    const std::vector<storage::Edit>& edits) const;
    Names in_danger(const storage::Database& database,
                    const std::vector<storage::PurgeRow>& rows) const;
    /// The same for the deletion of a whole database, by its name: everyone with passkeys.
    Names in_danger(std::string_view database) const;

    /// Before the deletion. One synced write.
    void note(const Names& names);
    /// After it: ends what was theirs who have neither a document nor a place among `[admins]` now.
    void settle(const Names& names);
    /// At the start: settles what was noted and not settled.
    void settle_rest();

private:
    bool is_users(std::string_view database) const;
    bool is_gone(const std::string& name) const;

    storage::Catalog& catalog_;
    const ReadSetting setting_;
    auth::SystemStore& store_;
    auth::PasskeyCeremonies& passkeys_;
    auth::Sessions& sessions_;
};

}  // namespace divan::server
