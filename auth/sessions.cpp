#include "auth/sessions.h"

#include <algorithm>

#include "auth/session_cookie.h"
#include "storage/base/utf8.h"

namespace divan::auth {
namespace {

constexpr std::int64_t use_noted_after = 60;  ///< Seconds.
// Nobody gains by seconds here, and a crash may have lost the newest minute of a record.
constexpr std::int64_t sweep_grace = 3600;
constexpr std::size_t agent_bytes_max = 256;
constexpr std::size_t erased_at_once = 1000;

// What a header said, as far as it can be shown again.
std::string shown(std::string_view text) {
    text = text.substr(0, agent_bytes_max);
    // A character cut in two at the end is left out, anything else that is no UTF-8 altogether.
    for (int cut = 0; cut < 4 && !text.empty(); ++cut, text.remove_suffix(1)) {
        if (is_utf8(text)) return std::string(text);
    }
    return {};
}

// `issued` may be any number: it is judged before it is known to be ours.
bool is_over(std::int64_t issued, std::int64_t now, std::int64_t timeout) {
    return issued <= now - timeout;
}

// CouchDB renews a cookie once a tenth of its time has passed.
bool wants_renewal(std::int64_t issued, std::int64_t now, std::int64_t timeout) {
    return issued < now - timeout / 10;
}

}  // namespace

Sessions::Sessions(SystemStore& store, SessionSettings& settings, FindAccount find_account,
                   const Clock& clock)
    : settings_(settings), find_account_(std::move(find_account)), clock_(clock), records_(store) {}

SessionRecord Sessions::make_record(const Account& account, SessionKind kind,
                                    std::string_view address, std::string_view agent) const {
    const auto now = clock_.unix_seconds();
    return SessionRecord{make_session_id(), account.name, kind,         now, now, now,
                         shown(address),    shown(agent), account.stamp};
}

Started Sessions::start(const Account& account, SessionKind kind, std::string_view address,
                        std::string_view agent) {
    const auto rules = settings_.rules_with_secret();
    Started started{make_record(account, kind, address, agent), {}};
    const auto& record = started.record;
    keep(record, *rules);
    started.cookie = seal_cookie({record.user, record.issued, record.id}, rules->secrets.front());
    return started;
}

void Sessions::keep(const SessionRecord& record, const SessionRules& rules, storage::Batch also) {
    records_.add(record, std::move(also));
    std::vector<SessionRecord> others;
    records_.each(&record.user, [&](const SessionRecord& other) {
        if (other.id != record.id) others.push_back(other);
    });
    if (others.size() < rules.sessions_max) return;
    std::sort(others.begin(), others.end(), [](const auto& a, const auto& b) {
        return std::tie(a.last_used, a.id) < std::tie(b.last_used, b.id);
    });
    others.resize(others.size() + 1 - rules.sessions_max);
    records_.erase(others);
}

Result<std::optional<Session>> Sessions::resume(std::string_view cookie) {
    const auto decoded = decode_cookie(cookie);
    if (!decoded || !parse_stateless(*decoded)) {
        return Error{
            Code::bad_request, "Malformed AuthSession cookie. Please clear your cookies.", {}};
    }
    const auto rules = settings_.rules();
    auto session = resume_record(*decoded, *rules);
    if (!session && rules->stateless_cookies) session = resume_stateless(*decoded, *rules);
    return session;
}

std::optional<Session> Sessions::resume_record(BytesView decoded, const SessionRules& rules) {
    const auto cookie = open_cookie(decoded, rules.secrets);
    const auto now = clock_.unix_seconds();
    if (!cookie || is_over(cookie->issued, now, rules.timeout)) return std::nullopt;
    const auto record = records_.find(cookie->user, cookie->id);
    if (!record || record->kind == SessionKind::token) return std::nullopt;
    auto account = account_of(*record);
    if (!account) return std::nullopt;
    Session session{std::move(*account), record->id, {}};
    if (wants_renewal(cookie->issued, now, rules.timeout)) {
        session.renewed = seal_cookie({record->user, now, record->id}, rules.secrets.front());
        records_.touch(*record, now, now);
    } else {
        note_use(*record, now);
    }
    return session;
}

std::optional<Session> Sessions::resume_stateless(BytesView decoded,
                                                  const SessionRules& rules) const {
    const auto cookie = parse_stateless(decoded);
    const auto issued = parse_cookie_time(cookie->time);
    const auto now = clock_.unix_seconds();
    if (!issued || is_over(*issued, now, rules.timeout)) return std::nullopt;
    auto account = find_account_(cookie->user);
    // Computed for unknown users too: time must not tell them apart.
    const bool proven = is_proven(*cookie, account ? account->salt : std::string(), rules);
    if (!account || !proven) return std::nullopt;
    Session session{std::move(*account), {}, {}};
    if (wants_renewal(*issued, now, rules.timeout)) {
        session.renewed = sign_stateless(session.account.name, now, session.account.salt, rules);
    }
    return session;
}

void Sessions::note_use(const SessionRecord& record, std::int64_t now) {
    if (now - record.last_used >= use_noted_after) records_.touch(record, now, record.issued);
}

std::optional<Account> Sessions::account_of(const SessionRecord& record) const {
    auto account = find_account_(record.user);
    if (account && account->stamp != record.stamp) account.reset();
    return account;
}

std::int64_t Sessions::lifetime(SessionKind kind, const SessionRules& rules) const {
    return kind == SessionKind::token ? rules.refresh_token_seconds : rules.timeout;
}

bool Sessions::is_live(const SessionRecord& record, const SessionRules& rules,
                       std::int64_t grace) const {
    const auto end = record.issued + lifetime(record.kind, rules) + grace;
    return clock_.unix_seconds() < end && account_of(record);
}

std::vector<SessionRecord> Sessions::list(std::string_view user) {
    const auto rules = settings_.rules();
    const std::string name(user);
    std::vector<SessionRecord> sessions;
    records_.each(&name, [&](const SessionRecord& record) {
        if (is_live(record, *rules, 0)) sessions.push_back(record);
    });
    std::sort(sessions.begin(), sessions.end(), [](const auto& a, const auto& b) {
        return std::tie(b.created, a.id) < std::tie(a.created, b.id);
    });
    return sessions;
}

bool Sessions::revoke(std::string_view user, std::string_view id) {
    if (!is_session_id(id)) return false;
    SessionRecord record;
    record.user = user;
    record.id = id;
    return records_.erase({record}) > 0;
}

std::size_t Sessions::revoke_all(std::string_view user, std::string_view except) {
    const std::string name(user);
    std::vector<SessionRecord> sessions;
    records_.each(&name, [&](const SessionRecord& record) {
        if (record.id != except) sessions.push_back(record);
    });
    return records_.erase(sessions);
}

std::size_t Sessions::sweep() {
    const auto rules = settings_.rules();
    std::size_t erased = 0;
    std::vector<SessionRecord> ended;
    const auto erase = [&] {
        erased += records_.erase(ended);
        ended.clear();
    };
    records_.each(nullptr, [&](const SessionRecord& record) {
        if (is_live(record, *rules, sweep_grace)) return;
        ended.push_back(record);
        if (ended.size() >= erased_at_once) erase();
    });
    erase();
    return erased;
}

}  // namespace divan::auth
