#include "auth/passkeys.h"

#include <algorithm>

#include "storage/base/crypto.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

constexpr std::uint8_t record_version = 1;

enum Flag : std::uint8_t { backup_eligible = 1, backed_up = 2, user_verified = 4, of_admin = 8 };

Bytes owner_prefix(std::string_view user) {
    Bytes key;
    ByteWriter(key).ordered(user);
    return key;
}

Bytes owner_key(std::string_view user, BytesView id) {
    return owner_prefix(user).append(id);
}

Bytes encode(const Passkey& passkey) {
    Bytes value;
    ByteWriter writer(value);
    writer.u8(record_version);
    writer.sized(passkey.user);
    writer.sized(passkey.public_key);
    writer.u32(passkey.sign_count);
    writer.u8(static_cast<std::uint8_t>(
        (passkey.backup_eligible ? backup_eligible : 0) | (passkey.backed_up ? backed_up : 0) |
        (passkey.user_verified ? user_verified : 0) | (passkey.of_admin ? of_admin : 0)));
    writer.u8(static_cast<std::uint8_t>(passkey.attestation));
    writer.sized(passkey.aaguid);
    writer.varint(passkey.transports.size());
    for (const auto& transport : passkey.transports) writer.sized(transport);
    writer.sized(passkey.label);
    writer.u64(static_cast<std::uint64_t>(passkey.created));
    writer.u64(static_cast<std::uint64_t>(passkey.last_used));
    return value;
}

Passkey decode(BytesView id, BytesView value) {
    ByteReader reader(value);
    if (reader.u8() != record_version) throw CorruptBytes();
    Passkey passkey;
    passkey.id = id;
    passkey.user = reader.sized();
    passkey.public_key = reader.sized();
    passkey.sign_count = reader.u32();
    const auto flags = reader.u8();
    passkey.backup_eligible = (flags & backup_eligible) != 0;
    passkey.backed_up = (flags & backed_up) != 0;
    passkey.user_verified = (flags & user_verified) != 0;
    passkey.of_admin = (flags & of_admin) != 0;
    passkey.attestation = static_cast<webauthn::AttestationType>(reader.u8());
    passkey.aaguid = reader.sized();
    for (auto count = reader.varint(); count > 0; --count) {
        passkey.transports.emplace_back(reader.sized());
    }
    passkey.label = reader.sized();
    passkey.created = static_cast<std::int64_t>(reader.u64());
    passkey.last_used = static_cast<std::int64_t>(reader.u64());
    return passkey;
}

}  // namespace

Bytes new_user_handle() {
    constexpr std::size_t user_handle_bytes = 64;
    return random_bytes(user_handle_bytes);
}

std::optional<Passkey> Passkeys::find(BytesView id) const {
    const auto value = store_.get(RecordKind::passkey, id);
    if (!value) return std::nullopt;
    return decode(id, *value);
}

std::vector<Passkey> Passkeys::of_user(std::string_view user) const {
    std::vector<Passkey> passkeys;
    const auto prefix = owner_prefix(user);
    store_.each(RecordKind::passkey_owner, prefix, [&](std::string_view key, BytesView) {
        if (auto passkey = find(key.substr(prefix.size()))) passkeys.push_back(std::move(*passkey));
        return true;
    });
    return passkeys;
}

bool Passkeys::any_of_user(std::string_view user) const {
    bool found = false;
    store_.each(RecordKind::passkey_owner, owner_prefix(user), [&](std::string_view, BytesView) {
        found = true;
        return false;
    });
    return found;
}

Bytes Passkeys::user_handle(std::string_view user) {
    const auto held = store_.hold();
    if (auto known = find_user_handle(user)) return std::move(*known);
    auto handle = new_user_handle();
    storage::Batch batch;
    SystemStore::put(batch, RecordKind::user_handle, user, handle);
    store_.commit(batch);
    return handle;
}

std::optional<Bytes> Passkeys::find_user_handle(std::string_view user) const {
    return store_.get(RecordKind::user_handle, user);
}

void Passkeys::write(storage::Batch& batch, const Passkey& passkey) const {
    SystemStore::put(batch, RecordKind::passkey, passkey.id, encode(passkey));
    SystemStore::put(batch, RecordKind::passkey_owner, owner_key(passkey.user, passkey.id), {});
}

Result<void> Passkeys::add(Passkey passkey, Bytes user_handle, storage::Batch& batch) const {
    if (find(passkey.id)) {
        return Error{Code::forbidden, "This passkey is registered already.", {}};
    }
    if (of_user(passkey.user).size() >= passkeys_max) {
        return Error{Code::forbidden, "There are too many passkeys: remove one first.", {}};
    }
    passkey.created = clock_.unix_seconds();
    passkey.last_used = 0;
    write(batch, passkey);
    SystemStore::put(batch, RecordKind::user_handle, passkey.user, std::move(user_handle));
    return {};
}

Result<void> Passkeys::used(BytesView id, const webauthn::Authentication& authentication) {
    const auto held = store_.hold();
    auto passkey = find(id);
    if (!passkey) return Error{Code::forbidden, "The passkey was removed.", {}};
    const bool counts = authentication.sign_count != 0 || passkey->sign_count != 0;
    if (counts && authentication.sign_count <= passkey->sign_count) {
        return Error{Code::forbidden, "The passkey was used twice at once.", {}};
    }
    passkey->sign_count = authentication.sign_count;
    passkey->backed_up = authentication.backed_up;
    passkey->user_verified = passkey->user_verified || authentication.user_verified;
    passkey->last_used = clock_.unix_seconds();
    storage::Batch batch;
    write(batch, *passkey);
    store_.commit(batch, counts ? storage::Durability::synced : storage::Durability::buffered);
    return {};
}

std::optional<Passkey> Passkeys::rename(std::string_view user, BytesView id, std::string label) {
    const auto held = store_.hold();
    auto passkey = find(id);
    if (!passkey || passkey->user != user) return std::nullopt;
    passkey->label = std::move(label);
    storage::Batch batch;
    write(batch, *passkey);
    store_.commit(batch);
    return passkey;
}

bool Passkeys::remove(std::string_view user, BytesView id) {
    const auto held = store_.hold();
    const auto passkey = find(id);
    if (!passkey || passkey->user != user) return false;
    storage::Batch batch;
    SystemStore::erase(batch, RecordKind::passkey, id);
    SystemStore::erase(batch, RecordKind::passkey_owner, owner_key(user, id));
    store_.commit(batch);
    return true;
}

void Passkeys::forget(std::string_view user, storage::Batch& batch) const {
    const auto prefix = owner_prefix(user);
    store_.each(RecordKind::passkey_owner, prefix, [&](std::string_view key, BytesView) {
        SystemStore::erase(batch, RecordKind::passkey, key.substr(prefix.size()));
        SystemStore::erase(batch, RecordKind::passkey_owner, key);
        return true;
    });
    SystemStore::erase(batch, RecordKind::user_handle, user);
}

std::vector<std::string> Passkeys::users() const {
    std::vector<std::string> users;
    store_.each(RecordKind::user_handle, {}, [&](std::string_view user, BytesView) {
        users.emplace_back(user);
        return true;
    });
    return users;
}

DecoyPasskeys::DecoyPasskeys(SystemStore& store) {
    constexpr std::string_view name = "decoy passkeys";
    constexpr std::size_t key_bytes = 32;
    if (auto known = store.get(RecordKind::secret, name)) {
        key_ = std::move(*known);
        return;
    }
    key_ = random_bytes(key_bytes);
    storage::Batch batch;
    SystemStore::put(batch, RecordKind::secret, name, key_);
    store.commit(batch);
}

// Lengths and transports are those of the authenticators that most people have: a phone or
// computer (16 or 20 bytes), a password manager (32), a security key (48).
std::vector<Passkey> DecoyPasskeys::of_user(std::string_view user) const {
    struct Form {
        std::size_t id_bytes;
        std::vector<std::string> transports;
    };
    static const Form forms[] = {
        {20, {"hybrid", "internal"}},
        {16, {"hybrid", "internal"}},
        {32, {"internal"}          },
        {48, {"usb"}               }
    };
    const auto choice = hmac_sha256(key_, Bytes("form:").append(user));
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(choice[i]); };
    const std::size_t count = byte(0) < 192 ? 1 : 2;
    std::vector<Passkey> decoys;
    for (std::size_t i = 0; i < count; ++i) {
        const auto& form = forms[byte(1 + i) % std::size(forms)];
        const char number = static_cast<char>('0' + i);
        Passkey decoy;
        decoy.id = hmac_sha256(key_, Bytes("id:").append(1, number).append(user)) +
                   hmac_sha256(key_, Bytes("more:").append(1, number).append(user));
        decoy.id.resize(form.id_bytes);
        decoy.user = user;
        decoy.transports = form.transports;
        decoys.push_back(std::move(decoy));
    }
    std::sort(decoys.begin(), decoys.end(),
              [](const Passkey& a, const Passkey& b) { return a.id < b.id; });
    return decoys;
}

}  // namespace divan::auth
