#include "auth/account_codes.h"

#include <cctype>

#include "storage/base/crypto.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

// Crockford's base 32: no I, L, O or U, which are read for others or make words.
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t code_letters = 16;
constexpr std::size_t group_letters = 4;
constexpr std::uint8_t record_version = 1;

std::string new_code() {
    std::string code;
    for (const char byte : random_bytes(code_letters)) {
        if (code.size() % (group_letters + 1) == group_letters) code += '-';
        code += alphabet[static_cast<std::uint8_t>(byte) % alphabet.size()];
    }
    return code;
}

// As people type it: any case, with or without hyphens, I and L for 1, O for 0.
std::string normalised(std::string_view code) {
    std::string letters;
    for (const char c : code) {
        if (c == '-' || c == ' ') continue;
        if (letters.size() == code_letters) return {};
        const auto lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        letters += lower == 'o' ? '0' : lower == 'i' || lower == 'l' ? '1' : lower;
    }
    return letters;
}

Bytes user_prefix(std::string_view user) {
    Bytes key;
    ByteWriter(key).ordered(user);
    return key;
}

Bytes encode(const Invitation& invitation) {
    Bytes value;
    ByteWriter writer(value);
    writer.u8(record_version);
    writer.sized(invitation.name);
    writer.varint(invitation.roles.size());
    for (const auto& role : invitation.roles) writer.sized(role);
    writer.sized(invitation.issued_by);
    writer.u64(static_cast<std::uint64_t>(invitation.expires));
    return value;
}

Invitation decode(BytesView value) {
    ByteReader reader(value);
    if (reader.u8() != record_version) throw CorruptBytes();
    Invitation invitation;
    invitation.name = reader.sized();
    for (auto count = reader.varint(); count > 0; --count) {
        invitation.roles.emplace_back(reader.sized());
    }
    invitation.issued_by = reader.sized();
    invitation.expires = static_cast<std::int64_t>(reader.u64());
    return invitation;
}

}  // namespace

CodeKey AccountCodes::invitation_key(std::string_view code) {
    return {RecordKind::invitation, sha256("invitation:" + normalised(code))};
}

CodeKey AccountCodes::recovery_key(const CodeOwner& owner, std::string_view code) {
    const std::string purpose = owner.admin ? "recovery of an admin:" : "recovery:";
    return {RecordKind::recovery_code,
            user_prefix(owner.name) + sha256(purpose + normalised(code))};
}

bool AccountCodes::is_open(const CodeKey& key) const {
    const auto value = store_.get(key.kind, key.key);
    if (!value) return false;
    return key.kind != RecordKind::invitation || decode(*value).expires > clock_.unix_seconds();
}

void AccountCodes::close(const CodeKey& key, storage::Batch& batch) {
    SystemStore::erase(batch, key.kind, key.key);
}

// Expired ones are dropped when new ones are made, so that their number stays bounded by itself.
void AccountCodes::drop_expired_invitations() {
    storage::Batch batch;
    store_.each(RecordKind::invitation, {}, [&](std::string_view key, BytesView value) {
        if (decode(value).expires <= clock_.unix_seconds()) {
            SystemStore::erase(batch, RecordKind::invitation, key);
        }
        return true;
    });
    store_.commit(batch, storage::Durability::buffered);
}

Result<AccountCodes::Issued> AccountCodes::invite(Invitation invitation, std::int64_t lifetime) {
    const auto held = store_.hold();
    drop_expired_invitations();
    std::size_t open = 0;
    store_.each(RecordKind::invitation, {},
                [&](std::string_view, BytesView) { return ++open < invitations_max; });
    if (open == invitations_max) {
        return Error{Code::forbidden, "There are too many open invitations.", {}};
    }
    Issued issued{new_code(), clock_.unix_seconds() + lifetime};
    invitation.expires = issued.expires;
    storage::Batch batch;
    const auto key = invitation_key(issued.code);
    SystemStore::put(batch, key.kind, key.key, encode(invitation));
    store_.commit(batch);
    return issued;
}

std::optional<Invitation> AccountCodes::find_invitation(std::string_view code) const {
    const auto key = invitation_key(code);
    const auto value = store_.get(key.kind, key.key);
    if (!value) return std::nullopt;
    auto invitation = decode(*value);
    if (invitation.expires <= clock_.unix_seconds()) return std::nullopt;
    return invitation;
}

std::vector<std::string> AccountCodes::renew_recovery(const CodeOwner& owner,
                                                      storage::Batch& batch) const {
    store_.each(RecordKind::recovery_code, user_prefix(owner.name),
                [&](std::string_view key, BytesView) {
                    SystemStore::erase(batch, RecordKind::recovery_code, key);
                    return true;
                });
    std::vector<std::string> codes;
    while (codes.size() < recovery_codes_count) {
        codes.push_back(new_code());
        const auto key = recovery_key(owner, codes.back());
        SystemStore::put(batch, key.kind, key.key, {});
    }
    return codes;
}

std::vector<std::string> AccountCodes::renew_recovery(const CodeOwner& owner) {
    const auto held = store_.hold();
    storage::Batch batch;
    auto codes = renew_recovery(owner, batch);
    store_.commit(batch);
    return codes;
}

bool AccountCodes::is_recovery(const CodeOwner& owner, std::string_view code) const {
    return is_open(recovery_key(owner, code));
}

std::size_t AccountCodes::recovery_left(std::string_view user) const {
    std::size_t left = 0;
    store_.each(RecordKind::recovery_code, user_prefix(user), [&](std::string_view, BytesView) {
        ++left;
        return true;
    });
    return left;
}

bool AccountCodes::use_recovery(const CodeOwner& owner, std::string_view code) {
    const auto held = store_.hold();
    const auto key = recovery_key(owner, code);
    if (!is_open(key)) return false;
    storage::Batch batch;
    close(key, batch);
    store_.commit(batch);
    return true;
}

void AccountCodes::forget(std::string_view user, storage::Batch& batch) const {
    store_.each(RecordKind::recovery_code, user_prefix(user), [&](std::string_view key, BytesView) {
        SystemStore::erase(batch, RecordKind::recovery_code, key);
        return true;
    });
    store_.each(RecordKind::invitation, {}, [&](std::string_view key, BytesView value) {
        if (decode(value).name == user) SystemStore::erase(batch, RecordKind::invitation, key);
        return true;
    });
}

}  // namespace divan::auth
