#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/accounts.h"
#include "auth/session_rules.h"
#include "auth/session_store.h"
#include "storage/base/clock.h"

namespace divan::auth {

/// A session that has just begun, and the value of its `AuthSession` cookie.
struct Started {
    SessionRecord record;
    std::string cookie;
};

/// Whom a cookie stands for.
struct Session {
    Account account;
    std::string id;       ///< Of its record; empty for CouchDB's own cookies, which have none.
    std::string renewed;  ///< The value of a newer cookie to send; empty while this one is young.
};

/// Who is signed in, and where: sessions as records that can be listed and revoked. Any thread.
///
/// A session ends when its cookies are older than `timeout`, when it is revoked, and when the
/// account's stamp changes (a new password) or the account is gone.
class Sessions {
public:
    using FindAccount = std::function<std::optional<Account>(std::string_view name)>;

    /// `store`, `settings` and `clock` outlive this. `find_account` is `Accounts::find`.
    Sessions(SystemStore& store, SessionSettings& settings, FindAccount find_account,
             const Clock& clock);

    /// A new session of somebody who has just proved who they are. One synced write: for a pool.
    Started start(const Account& account, SessionKind kind, std::string_view address,
                  std::string_view agent);
    /// Whom the value of an `AuthSession` cookie stands for; empty where it is no longer good, or
    /// never was. Refuses with `bad_request` what has not the form of a cookie. Cheap: one HMAC,
    /// and a short read of the engine the first time.
    Result<std::optional<Session>> resume(std::string_view cookie);

    /// The user's live sessions, newest first.
    std::vector<SessionRecord> list(std::string_view user);
    /// False where the user has no session of this id. One synced write, as the next one: for a
    /// pool.
    bool revoke(std::string_view user, std::string_view id);
    /// All of the user's but `except`; returns how many there were.
    std::size_t revoke_all(std::string_view user, std::string_view except = {});

    /// Writes down when sessions were last used; every minute or so, and before the end.
    void flush() { records_.flush(); }
    /// Erases what has ended; returns how many. Reads every session: now and then, on a thread that
    /// may wait.
    std::size_t sweep();

    /// For `Tokens`, which keeps its sessions here: whether the account is still the one that
    /// signed in, and the seconds that a session of this kind lives after its `issued`.
    std::optional<Account> account_of(const SessionRecord& record) const;
    std::int64_t lifetime(SessionKind kind, const SessionRules& rules) const;
    SessionStore& records() { return records_; }
    /// A record for `start`, not kept yet.
    SessionRecord make_record(const Account& account, SessionKind kind, std::string_view address,
                              std::string_view agent) const;
    /// Keeps a new one, durably; of more than `sessions_max` of its user those unused for longest
    /// end. `also` joins the commit. Reads all of the user's: for a pool.
    void keep(const SessionRecord& record, const SessionRules& rules, storage::Batch also = {});
    /// Notes that a session was used: at most once a minute it changes.
    void note_use(const SessionRecord& record, std::int64_t now);

private:
    std::optional<Session> resume_record(BytesView decoded, const SessionRules& rules);
    std::optional<Session> resume_stateless(BytesView decoded, const SessionRules& rules) const;
    bool is_live(const SessionRecord& record, const SessionRules& rules, std::int64_t grace) const;

    SessionSettings& settings_;
    const FindAccount find_account_;
    const Clock& clock_;
    SessionStore records_;
};

}  // namespace divan::auth
