#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/system_store.h"
#include "storage/base/clock.h"
#include "storage/base/error.h"

namespace divan::auth {

/// Recovery codes in a set.
inline constexpr std::size_t recovery_codes_count = 10;
/// Invitations that may be open at once.
inline constexpr std::size_t invitations_max = 10'000;

/// What an invitation lets its bearer do: make the account `name` (or one of an own choice, where
/// that is empty), or add a passkey to it where it exists.
struct Invitation {
    std::string name;
    std::vector<std::string> roles;  ///< Of a new account.
    std::string issued_by;
    std::int64_t expires = 0;  ///< Unix seconds.
};

/// A code as it is found again without being kept: what to erase when it has been used.
struct CodeKey {
    RecordKind kind = RecordKind::invitation;
    Bytes key;
};

/// Whose a recovery code is. An admin of `[admins]` and a user of the same name are not the same:
/// the codes of the one do not open the account of the other.
struct CodeOwner {
    std::string_view name;
    bool admin = false;
};

/// Codes that work once: recovery codes and invitations. They are 80 random bits, shown as four
/// groups of four characters; the server keeps their SHA-256 only. Any thread.
class AccountCodes {
public:
    /// `store` and `clock` outlive this.
    AccountCodes(SystemStore& store, const Clock& clock) : store_(store), clock_(clock) {}

    struct Issued {
        std::string code;
        std::int64_t expires;
    };
    /// Valid for `lifetime` seconds. Refuses with `forbidden` where `invitations_max` are open.
    Result<Issued> invite(Invitation invitation, std::int64_t lifetime);
    /// Empty where the code is none, was used, or has expired.
    std::optional<Invitation> find_invitation(std::string_view code) const;

    /// A new set for the owner, in place of the old one.
    std::vector<std::string> renew_recovery(const CodeOwner& owner);
    /// The same, to be written with something else.
    std::vector<std::string> renew_recovery(const CodeOwner& owner, storage::Batch& batch) const;
    bool is_recovery(const CodeOwner& owner, std::string_view code) const;
    std::size_t recovery_left(std::string_view user) const;
    /// Whether the code is the owner's, and then no more.
    bool use_recovery(const CodeOwner& owner, std::string_view code);

    static CodeKey invitation_key(std::string_view code);
    static CodeKey recovery_key(const CodeOwner& owner, std::string_view code);
    bool is_open(const CodeKey& key) const;
    /// Adds the code's end to `batch`.
    static void close(const CodeKey& key, storage::Batch& batch);

    /// Adds the end of the user's recovery codes, and of invitations in that name, to `batch`.
    void forget(std::string_view user, storage::Batch& batch) const;

private:
    void drop_expired_invitations();

    SystemStore& store_;
    const Clock& clock_;
};

}  // namespace divan::auth
