#include "auth/passkey_policy.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "storage/base/utf8.h"

namespace divan::auth {
namespace {

constexpr std::string_view section = "passkeys";
constexpr std::size_t name_bytes_max = 128;

Error bad(const char* reason) {
    return {Code::bad_request, reason, {}};
}

std::vector<std::string> split_list(std::string_view text) {
    constexpr std::string_view separators = ", \t\r\n";
    std::vector<std::string> items;
    for (auto at = text.find_first_not_of(separators); at != std::string_view::npos;) {
        const auto end = std::min(text.find_first_of(separators, at), text.size());
        items.emplace_back(text.substr(at, end - at));
        at = text.find_first_not_of(separators, end);
    }
    return items;
}

// "localhost", with or without a port, or a name below it: these never leave the machine (RFC 6761
// section 6.3).
bool is_localhost(std::string_view name) {
    return name == "localhost" || name.ends_with(".localhost");
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

}  // namespace

std::string PasskeyPolicy::text(std::string_view key, std::string_view otherwise) const {
    auto value = setting_(section, key);
    return value && !value->empty() ? std::move(*value) : std::string(otherwise);
}

// The first value is the default, and what any other text counts as.
std::string PasskeyPolicy::one_of(std::string_view key,
                                  std::initializer_list<std::string_view> values) const {
    auto value = text(key, *values.begin());
    const bool known = std::find(values.begin(), values.end(), value) != values.end();
    return known ? value : std::string(*values.begin());
}

Result<RelyingParty> PasskeyPolicy::relying_party(const RequestedHost& request) const {
    RelyingParty party;
    party.id = lower_case(text("rp_id", ""));
    party.origins = split_list(text("origins", ""));
    party.top_origins = split_list(text("top_origins", ""));
    if (party.id.empty()) {
        const auto host = lower_case(request.host);
        party.id = host.substr(0, host.find(':'));
        if (!is_localhost(party.id)) {
            return Error{Code::not_implemented,
                         "Passkeys are not set up: set [passkeys] rp_id to the host name of your "
                         "site, and origins to the addresses of its pages.",
                         {}};
        }
        if (party.origins.empty()) {
            party.origins.push_back((request.secure ? "https://" : "http://") + host);
        }
    } else if (party.origins.empty()) {
        party.origins.push_back("https://" + party.id);
    }
    party.name = text("rp_name", party.id);
    return party;
}

std::string PasskeyPolicy::site_name() const {
    return text("rp_name", text("rp_id", "Divan"));
}

RegistrationPolicy PasskeyPolicy::registration() const {
    const auto value = one_of("registration", {"closed", "invite", "open"});
    return value == "open"     ? RegistrationPolicy::open
           : value == "invite" ? RegistrationPolicy::invite
                               : RegistrationPolicy::closed;
}

std::string PasskeyPolicy::user_verification() const {
    return one_of("user_verification", {"required", "preferred", "discouraged"});
}

std::string PasskeyPolicy::attestation() const {
    return one_of("attestation", {"none", "indirect", "direct", "enterprise"});
}

std::chrono::seconds PasskeyPolicy::timeout() const {
    return std::chrono::seconds(read_integer(setting_, section, "timeout", 300, 30, 600));
}

std::chrono::seconds PasskeyPolicy::invitation_lifetime() const {
    constexpr std::int64_t hour = 60 * 60, week = 7 * 24 * hour, year = 365 * 24 * hour;
    return std::chrono::seconds(
        read_integer(setting_, section, "invitation_lifetime", week, 60, year));
}

Result<void> PasskeyPolicy::check_name(std::string_view name) const {
    if (auto checked = check_user_name(name); !checked) return checked;
    const auto pattern = text("name_pattern", "[a-z0-9-]{3,20}");
    try {
        const std::regex form(pattern, std::regex::ECMAScript | std::regex::nosubs);
        if (std::regex_match(name.begin(), name.end(), form)) return {};
    } catch (const std::regex_error&) {
        return Error{Code::internal_error, "[passkeys] name_pattern is no regular expression.", {}};
    }
    return Error{
        Code::bad_request, fmt::format("A user name is to be of the form {}.", pattern), {}};
}

Result<void> check_user_name(std::string_view name) {
    if (name.empty() || name.size() > name_bytes_max) {
        return bad("A user name has 1 to 128 bytes.");
    }
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    };
    if (!is_utf8(name) || name.front() == '_' || name.find(':') != std::string_view::npos ||
        std::any_of(name.begin(), name.end(), is_control)) {
        return bad("A user name neither starts with \"_\" nor has \":\" or control characters.");
    }
    return {};
}

}  // namespace divan::auth
