#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/setting.h"

namespace divan::auth {

/// Who may make an account.
enum class RegistrationPolicy : std::uint8_t {
    closed,  ///< Admins do; an invitation in a name lets its bearer finish it.
    invite,  ///< Whoever has an invitation.
    open,    ///< Anyone.
};

/// The site that passkeys are for, as authenticators know it.
struct RelyingParty {
    std::string id;
    std::string name;
    std::vector<std::string> origins;
    std::vector<std::string> top_origins;
};

/// How a request reached the server: what a site on one's own machine is known by.
struct RequestedHost {
    std::string_view host;  ///< The Host header.
    bool secure = false;
};

/// The settings of `[passkeys]` as they are now. Cheap; any thread.
class PasskeyPolicy {
public:
    explicit PasskeyPolicy(ReadSetting setting) : setting_(std::move(setting)) {}

    /// `rp_id`, `rp_name`, `origins` and `top_origins`. Where no `rp_id` is set, a request to
    /// "localhost" is for the site "localhost"; any other is refused with `not_implemented` and
    /// what to set. The Host of others is not believed: it is the client's to choose.
    Result<RelyingParty> relying_party(const RequestedHost& request) const;
    /// `rp_name`, also where passkeys are not set up; else `rp_id`, else "Divan".
    std::string site_name() const;
    RegistrationPolicy registration() const;
    /// "required", "preferred" or "discouraged".
    std::string user_verification() const;
    bool user_verification_required() const { return user_verification() == "required"; }
    /// "none", "indirect", "direct" or "enterprise".
    std::string attestation() const;
    std::chrono::seconds timeout() const;              ///< Of a ceremony; 300.
    std::chrono::seconds invitation_lifetime() const;  ///< Where none is asked for; seven days.
    /// Whether a new account may have this name: `name_pattern`, and what no name may be, as a
    /// name goes into Basic headers, cookies and document ids. Refuses with `bad_request`.
    Result<void> check_name(std::string_view name) const;

private:
    std::string text(std::string_view key, std::string_view otherwise) const;
    std::string one_of(std::string_view key, std::initializer_list<std::string_view> values) const;

    ReadSetting setting_;
};

/// What no user name may be, whatever the pattern: empty, longer than 128 bytes, not UTF-8, with
/// control characters or ":", or starting with "_". Refuses with `bad_request`.
Result<void> check_user_name(std::string_view name);

}  // namespace divan::auth
