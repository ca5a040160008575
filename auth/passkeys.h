#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/system_store.h"
#include "auth/webauthn/ceremony.h"
#include "storage/base/clock.h"

namespace divan::auth {

/// Most passkeys of one user.
inline constexpr std::size_t passkeys_max = 32;
/// Longest label in bytes.
inline constexpr std::size_t passkey_label_bytes_max = 128;

/// A passkey of a user: WebAuthn's credential record.
struct Passkey {
    Bytes id;  ///< The credential's; no other passkey of the server has it.
    std::string user;
    Bytes public_key;  ///< A COSE key.
    std::uint32_t sign_count = 0;
    bool backup_eligible = false;
    bool backed_up = false;
    bool user_verified = false;  ///< Its authenticator has verified the user at least once.
    bool of_admin = false;       ///< Its user was an admin of `[admins]` when it was made.
    webauthn::AttestationType attestation = webauthn::AttestationType::none;
    Bytes aaguid;
    std::vector<std::string> transports;
    std::string label;
    std::int64_t created = 0;    ///< Unix seconds.
    std::int64_t last_used = 0;  ///< 0: never since.
};

/// 64 random bytes that stand for a user in authenticators. They say nothing of the name (WebAuthn
/// section 14.6.1).
Bytes new_user_handle();

/// The passkeys of all users, and the handles by which authenticators know the users. Any thread;
/// writes are on the disk when a call returns, unless it says otherwise.
class Passkeys {
public:
    /// `store` and `clock` outlive this.
    Passkeys(SystemStore& store, const Clock& clock) : store_(store), clock_(clock) {}

    std::optional<Passkey> find(BytesView id) const;
    /// By id.
    std::vector<Passkey> of_user(std::string_view user) const;
    bool any_of_user(std::string_view user) const;

    /// The user's handle: a new one at the first call, the same one until `forget`.
    Bytes user_handle(std::string_view user);
    /// Empty where `user_handle` was never asked for.
    std::optional<Bytes> find_user_handle(std::string_view user) const;

    /// Adds `passkey`, created now, and the user's handle to `batch`. The store is held until that
    /// is committed. Refuses with `forbidden` where some user has a passkey of that id, or this one
    /// has `passkeys_max`.
    Result<void> add(Passkey passkey, Bytes user_handle, storage::Batch& batch) const;
    /// Takes over what a sign-in told. Refuses with `forbidden` where another sign-in came first
    /// and the counter does not go on from there, or the passkey is gone. Where there is no
    /// counter this is not synced: it is the time of last use that may be lost.
    Result<void> used(BytesView id, const webauthn::Authentication& authentication);
    /// Both empty or false where `user` has no such passkey.
    std::optional<Passkey> rename(std::string_view user, BytesView id, std::string label);
    bool remove(std::string_view user, BytesView id);

    /// Adds the removal of every passkey of the user and of the handle to `batch`.
    void forget(std::string_view user, storage::Batch& batch) const;
    /// Everyone who has a handle: each user with passkeys, and those who began to make one.
    std::vector<std::string> users() const;

private:
    void write(storage::Batch& batch, const Passkey& passkey) const;

    SystemStore& store_;
    const Clock& clock_;
};

/// A credential's bytes that look like those of passkeys of `user`, for names that have none: the
/// same ones at every call on this server, and of no use. One or two.
class DecoyPasskeys {
public:
    /// Makes the server's secret where there is none yet.
    explicit DecoyPasskeys(SystemStore& store);

    std::vector<Passkey> of_user(std::string_view user) const;

private:
    Bytes key_;
};

}  // namespace divan::auth
