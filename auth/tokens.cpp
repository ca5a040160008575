#include "auth/tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

// The whole header is ours to choose, so it is compared and never parsed.
constexpr std::string_view access_header = R"({"alg":"HS256","kid":"divan","typ":"JWT"})";
constexpr std::string_view access_purpose = "divan access token\n";
constexpr std::string_view refresh_purpose = "divan refresh token\n";
constexpr std::string_view issuer = "divan";
constexpr std::uint8_t family_layout = 1;
constexpr std::size_t seal_bytes = 32;
constexpr std::size_t random_part_bytes = 16;

Error unauthorized(std::string reason) {
    return Error{Code::unauthorized, std::move(reason), {}};
}

const std::string& access_prefix() {
    static const std::string prefix = base64url_encode(access_header) + ".";
    return prefix;
}

Bytes seal_of(std::string_view purpose, BytesView text, std::string_view secret) {
    return hmac_sha256(secret, Bytes(purpose) + Bytes(text));
}

bool is_sealed(std::string_view purpose, BytesView text, BytesView seal,
               const std::vector<std::string>& secrets) {
    return std::any_of(secrets.begin(), secrets.end(), [&](const std::string& secret) {
        return equal_in_constant_time(seal_of(purpose, text, secret), seal);
    });
}

/// A refresh token: id of the session, how many came before it, random bytes, seal.
struct RefreshToken {
    std::string id;
    std::uint32_t generation = 0;
};

std::string make_refresh(const RefreshToken& token, std::string_view secret) {
    Bytes text;
    ByteWriter writer(text);
    writer.raw(base64url_decode(token.id).value());
    writer.u32(token.generation);
    writer.raw(random_bytes(random_part_bytes));
    writer.raw(seal_of(refresh_purpose, text, secret));
    return base64url_encode(text);
}

std::optional<RefreshToken> open_refresh(std::string_view text,
                                         const std::vector<std::string>& secrets) {
    const auto bytes = base64url_decode(text);
    constexpr auto whole =
        session_id_bytes + sizeof(std::uint32_t) + random_part_bytes + seal_bytes;
    if (!bytes || bytes->size() != whole) return std::nullopt;
    const auto sealed = BytesView(*bytes).substr(0, whole - seal_bytes);
    if (!is_sealed(refresh_purpose, sealed, BytesView(*bytes).substr(sealed.size()), secrets)) {
        return std::nullopt;
    }
    ByteReader reader(sealed);
    RefreshToken token;
    token.id = base64url_encode(reader.raw(session_id_bytes));
    token.generation = reader.u32();
    return token;
}

}  // namespace

/// What is kept of a session's refresh tokens.
struct Tokens::Family {
    std::string user;
    std::uint32_t generation = 0;
    Bytes digest;  ///< SHA-256 of the newest one.

    Bytes encode() const {
        Bytes value;
        ByteWriter writer(value);
        writer.u8(family_layout);
        writer.sized(user);
        writer.u32(generation);
        writer.raw(digest);
        return value;
    }
    static Family decode(BytesView value) {
        ByteReader reader(value);
        if (reader.u8() != family_layout) throw CorruptBytes();
        Family family;
        family.user = reader.sized();
        family.generation = reader.u32();
        family.digest = reader.rest();
        return family;
    }
};

Tokens::Tokens(Sessions& sessions, SystemStore& store, SessionSettings& settings,
               const Clock& clock)
    : sessions_(sessions), store_(store), settings_(settings), clock_(clock) {}

std::string Tokens::sign_access(const SessionRecord& record, const Account& account,
                                const SessionRules& rules) const {
    const auto now = clock_.unix_seconds();
    std::string roles;
    append_json_strings(roles, account.roles);
    const auto payload = fmt::format(
        R"({{"iss":"{}","sub":{},"sid":"{}","iat":{},"exp":{},"_couchdb.roles":{}}})", issuer,
        json_string(account.name), record.id, now, now + rules.access_token_seconds, roles);
    const auto text = access_prefix() + base64url_encode(payload);
    return text + "." + base64url_encode(seal_of(access_purpose, text, rules.secrets.front()));
}

TokenPair Tokens::issue(const Account& account, std::string_view address, std::string_view agent) {
    const auto rules = settings_.rules_with_secret();
    const auto record = sessions_.make_record(account, SessionKind::token, address, agent);
    TokenPair pair{record.user, record.id, sign_access(record, account, *rules),
                   rules->access_token_seconds,
                   make_refresh({record.id, 0}, rules->secrets.front())};
    storage::Batch batch;
    SystemStore::put(batch, RecordKind::token_family, record.id,
                     Family{account.name, 0, sha256(pair.refresh)}.encode());
    sessions_.keep(record, *rules, std::move(batch));
    return pair;
}

Result<TokenPair> Tokens::refresh(std::string_view token) {
    const auto rules = settings_.rules();
    const auto sent = open_refresh(token, rules->secrets);
    const auto ended = unauthorized("The refresh token is not valid.");
    if (!sent) return ended;
    const std::lock_guard lock(mutex_);
    const auto kept = store_.get(RecordKind::token_family, sent->id);
    if (!kept) return ended;
    auto family = Family::decode(*kept);
    if (sent->generation != family.generation ||
        !equal_in_constant_time(sha256(token), family.digest)) {
        sessions_.revoke(family.user, sent->id);
        return unauthorized("The refresh token was used before; its session has been ended.");
    }
    const auto found = sessions_.records().find(family.user, sent->id);
    const auto account = found ? sessions_.account_of(*found) : std::nullopt;
    const auto now = clock_.unix_seconds();
    if (!account || now >= found->issued + rules->refresh_token_seconds) return ended;

    auto record = *found;
    record.issued = record.last_used = now;
    ++family.generation;
    TokenPair pair{record.user, record.id, sign_access(record, *account, *rules),
                   rules->access_token_seconds,
                   make_refresh({record.id, family.generation}, rules->secrets.front())};
    family.digest = sha256(pair.refresh);
    storage::Batch batch;
    SystemStore::put(batch, RecordKind::token_family, record.id, family.encode());
    if (!sessions_.records().replace(record, std::move(batch))) return ended;
    return pair;
}

bool Tokens::is_ours(std::string_view token) {
    return token.starts_with(access_prefix());
}

Result<Session> Tokens::verify(std::string_view token) {
    const auto rules = settings_.rules();
    const auto dot = token.rfind('.');
    const auto text = token.substr(0, dot);
    const auto seal = base64url_decode(token.substr(dot + 1));
    if (!is_ours(token) || dot < access_prefix().size() || !seal ||
        !is_sealed(access_purpose, text, *seal, rules->secrets)) {
        return Error{Code::bad_request, "Bad HMAC", {}};
    }
    const auto payload = base64url_decode(text.substr(access_prefix().size()));
    const auto claims = parse_json(payload.value());  // sealed by us: it is what we wrote
    const auto now = clock_.unix_seconds();
    if (now >= claims->find("exp")->integer().value()) return unauthorized("exp not in future");
    const auto record =
        sessions_.records().find(claims->find("sub")->string(), claims->find("sid")->string());
    auto account = record ? sessions_.account_of(*record) : std::nullopt;
    if (!account) return unauthorized("The session of this token has ended.");
    sessions_.note_use(*record, now);
    return Session{std::move(*account), record->id, {}};
}

}  // namespace divan::auth
