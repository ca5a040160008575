#include "auth/proxy_headers.h"

#include <algorithm>

#include "auth/text_list.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth {
namespace {

std::string header_name(const ReadSetting& read, std::string_view key, std::string_view otherwise) {
    auto name = read_auth_setting(read, key).value_or(std::string(otherwise));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return name;
}

bool is_right(std::string_view token, std::string_view user, const SessionRules& rules) {
    bool right = false;
    for (const auto& secret : rules.secrets) {
        for (const auto algorithm : rules.algorithms) {
            right |= equal_in_constant_time(hex_encode(hmac(algorithm, secret, user)), token);
        }
    }
    return right;
}

}  // namespace

ProxyHeaders::ProxyHeaders(const ReadSetting& read)
    : user(header_name(read, "x_auth_username", "x-auth-couchdb-username")),
      roles(header_name(read, "x_auth_roles", "x-auth-couchdb-roles")),
      token(header_name(read, "x_auth_token", "x-auth-couchdb-token")),
      use_secret(read_auth_setting(read, "proxy_use_secret").value_or("") == "true") {}

std::optional<Identity> ProxyHeaders::identify(const Header& header,
                                               const SessionRules& rules) const {
    const auto* name = header(user);
    if (name == nullptr || name->empty()) return std::nullopt;
    if (use_secret) {
        const auto* proof = header(token);
        if (proof == nullptr || !is_right(*proof, *name, rules)) return std::nullopt;
    }
    Identity who;
    who.name = *name;
    who.authenticated_by = "proxy";
    if (const auto* list = header(roles)) {
        who.roles = split_list(*list);
        if (list->empty()) who.roles = {""};  // As CouchDB, which splits it into one empty part.
    }
    return who;
}

}  // namespace divan::auth
