#include "auth/jwt.h"

#include <algorithm>

#include "auth/jwt_signature.h"
#include "auth/text_list.h"
#include "storage/base/crypto.h"
#include "storage/base/json.h"

namespace divan::auth {
namespace {

Error bad(std::string reason) {
    return Error{Code::bad_request, std::move(reason), {}};
}

Error unauthorized(std::string reason) {
    return Error{Code::unauthorized, std::move(reason), {}};
}

struct Parts {
    std::string_view header, payload, signature;
    std::string_view signed_text;  ///< Header and payload, as the signature covers them.
};

std::optional<Parts> split(std::string_view token) {
    const auto first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const auto second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    if (token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
    return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
                 token.substr(second + 1), token.substr(0, second)};
}

Result<JsonValue> decode_object(std::string_view part) {
    const auto text = base64url_decode(part);
    if (!text) return bad("Malformed token");
    auto value = parse_json(*text);
    if (!value) return bad("Malformed token");
    if (!value->is_object()) return bad("Not an object");
    return std::move(*value);
}

// Names joined by "."; a "\." is a dot of the name itself.
std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> names(1);
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (path[i] == '\\' && i + 1 < path.size() && path[i + 1] == '.') {
            names.back() += path[++i];
        } else if (path[i] == '.') {
            names.emplace_back();
        } else {
            names.back() += path[i];
        }
    }
    return names;
}

// couch_util:get_nested_json_value/2.
Result<const JsonValue*> follow(const JsonValue& claims, const std::vector<std::string>& path) {
    const JsonValue* at = &claims;
    for (const auto& name : path) {
        if (!at->is_object()) return Error{Code::not_found, "json_mismatch", {}};
        at = at->find(name);
        if (at == nullptr) return Error{Code::not_found, "missing json key: " + name, {}};
    }
    return at;
}

Result<std::vector<std::string>> read_roles(const JsonValue& value) {
    if (value.is_string()) return split_list(value.string());
    if (!value.is_array()) return bad("Malformed token");
    std::vector<std::string> roles;
    for (const auto& role : value.items()) {
        if (!role.is_string()) return bad("Malformed token");
        roles.push_back(role.string());
    }
    return roles;
}

bool is_name(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_white(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/// The claims that must be there, each once, in the order they were named.
struct Required {
    struct Claim {
        std::string name;
        std::optional<std::string> value;
    };
    std::vector<Claim> claims;
    bool misconfigured = false;

    explicit Required(std::string_view text);
    void add(std::string_view name, std::optional<std::string> value);
    bool has(std::string_view name) const { return find(name) != nullptr; }
    const Claim* find(std::string_view name) const;

    Result<void> check_header(const JsonValue& header) const;
    Result<void> check_times(const JsonValue& payload, double now) const;
    Result<void> check_claim(const Claim& claim, const JsonValue& payload) const;
    Result<void> check_payload(const JsonValue& payload, double now) const;
};

// couch_httpd_auth:get_configured_claims/0: every `name` and every `{name, "value"}` in the text.
Required::Required(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto skip_white = [&](std::size_t from) {
            while (from < text.size() && is_white(text[from])) ++from;
            return from;
        };
        const bool braced = text[at] == '{';
        const auto start = braced ? at + 1 : at;
        auto end = start;
        while (end < text.size() && is_name(text[end])) ++end;
        if (end == start) {
            ++at;
            continue;
        }
        const auto name = text.substr(start, end - start);
        const auto comma = skip_white(end);
        const auto quote = comma < text.size() && text[comma] == ',' ? skip_white(comma + 1) : end;
        const auto closing = quote < text.size() && text[quote] == '"' ? text.find('"', quote + 1)
                                                                       : std::string_view::npos;
        const bool whole = braced && closing != std::string_view::npos && closing > quote + 1 &&
                           closing + 1 < text.size() && text[closing + 1] == '}';
        if (whole) {
            add(name, std::string(text.substr(quote + 1, closing - quote - 1)));
            at = closing + 2;
        } else {
            add(name, std::nullopt);
            at = end;
        }
    }
    misconfigured = claims.empty() && !text.empty();
}

void Required::add(std::string_view name, std::optional<std::string> value) {
    if (!has(name)) claims.push_back({std::string(name), std::move(value)});
}

const Required::Claim* Required::find(std::string_view name) const {
    const auto found = std::find_if(claims.begin(), claims.end(),
                                    [&](const Claim& claim) { return claim.name == name; });
    return found == claims.end() ? nullptr : &*found;
}

Result<void> Required::check_header(const JsonValue& header) const {
    if (has("typ")) {
        const auto* typ = header.find("typ");
        if (typ == nullptr) return bad("Missing typ header parameter");
        if (!typ->is_string() || typ->string() != "JWT") {
            return bad("Invalid typ header parameter");
        }
    }
    const auto* alg = header.find("alg");
    if (alg == nullptr) return bad("Missing alg header parameter");
    if (!alg->is_string() || !algorithm_named(alg->string())) {
        return bad("Invalid alg header parameter");
    }
    return {};
}

Result<void> Required::check_times(const JsonValue& payload, double now) const {
    const auto* nbf = payload.find("nbf");
    if (has("nbf")) {
        if (nbf == nullptr) return bad("Missing nbf claim");
        const auto from = nbf->number();
        if (!from) return bad("Invalid nbf claim");
        if (*from >= now) return unauthorized("nbf not in past");
    }
    const auto* exp = payload.find("exp");
    if (has("exp")) {
        if (exp == nullptr) return bad("Missing exp claim");
        const auto until = exp->number();
        if (!until) return bad("Invalid exp claim");
        if (*until <= now) return unauthorized("exp not in future");
    }
    return {};
}

Result<void> Required::check_claim(const Claim& claim, const JsonValue& payload) const {
    const auto* sent = payload.find(claim.name);
    if (sent == nullptr) return bad("Missing " + claim.name + " claim");
    if (!claim.value) return {};
    const auto is_it = [&](const JsonValue& value) {
        return value.is_string() && value.string() == *claim.value;
    };
    const auto items = sent->items();  // "aud" may be a list: RFC 7519 section 4.1.3
    if (is_it(*sent) || std::any_of(items.begin(), items.end(), is_it)) return {};
    return bad("Invalid " + claim.name + " claim");
}

// In jwtf's order, so that the first thing wrong is the same one.
Result<void> Required::check_payload(const JsonValue& payload, double now) const {
    if (const auto* iss = find("iss")) {
        const auto right = check_claim(*iss, payload);
        if (!right) return right.error();
    }
    if (has("iat")) {
        const auto* iat = payload.find("iat");
        if (iat == nullptr) return bad("Missing iat claim");
        if (!iat->integer()) return bad("Invalid iat claim");
    }
    const auto timely = check_times(payload, now);
    if (!timely) return timely.error();
    static constexpr std::string_view elsewhere[] = {"alg", "typ", "kid", "sig",
                                                     "iss", "iat", "nbf", "exp"};
    for (const auto& claim : claims) {
        if (std::find(std::begin(elsewhere), std::end(elsewhere), claim.name) !=
            std::end(elsewhere)) {
            continue;
        }
        const auto right = check_claim(claim, payload);
        if (!right) return right.error();
    }
    return {};
}

// Whom a verified token names, in the order of couch_httpd_auth:jwt_authentication_handler/1.
Result<Identity> read_identity(const JsonValue& payload, const Result<const JsonValue*>& roles) {
    Identity who;
    who.authenticated_by = "jwt";
    if (!roles) return roles.error();
    if (*roles != nullptr) {
        auto read = read_roles(**roles);
        if (!read) return read.error();
        who.roles = std::move(*read);
    }
    const auto* sub = payload.find("sub");
    if (sub == nullptr) return unauthorized("Token missing sub claim.");
    if (!sub->is_string() || sub->string().empty()) return bad("Invalid sub claim");
    who.name = sub->string();
    return who;
}

}  // namespace

struct JwtVerifier::Rules {
    Required required;
    std::vector<std::string> roles_path;
    bool roles_must_be_there;
    std::map<std::string, Result<VerificationKey>, std::less<>> keys;  ///< By "family:kid".

    Result<const VerificationKey*> find_key(std::string_view family, std::string_view kid) const;
    Result<void> check_signature(const Parts& parts, const JsonValue& header) const;
    Result<const JsonValue*> find_roles(const JsonValue& payload) const;
};

Result<const VerificationKey*> JwtVerifier::Rules::find_key(std::string_view family,
                                                            std::string_view kid) const {
    const auto found = keys.find(std::string(family) + ":" + std::string(kid));
    if (found == keys.end()) return bad("Unknown kid");
    if (!found->second) return found->second.error();
    return &*found->second;
}

Result<void> JwtVerifier::Rules::check_signature(const Parts& parts,
                                                 const JsonValue& header) const {
    const auto& algorithm = *algorithm_named(header.find("alg")->string());
    const auto* kid = header.find("kid");
    if (kid == nullptr && required.has("kid")) return bad("Missing kid claim");
    if (kid != nullptr && !kid->is_string()) return bad("Unknown kid");
    const auto key = find_key(algorithm.family, kid ? kid->string() : "_default");
    if (!key) return key.error();
    const auto signature = base64url_decode(parts.signature);
    if (signature && (*key)->verifies(algorithm, parts.signed_text, *signature)) return {};
    return bad(algorithm.family == "hmac" ? "Bad HMAC" : "Bad signature");
}

Result<const JsonValue*> JwtVerifier::Rules::find_roles(const JsonValue& payload) const {
    if (roles_must_be_there) return follow(payload, roles_path);
    return payload.find(roles_path.front());
}

JwtVerifier::JwtVerifier(const Keys& keys, const JwtClaims& claims) {
    auto path = claims.roles_path ? split_path(*claims.roles_path) : std::vector{claims.roles_name};
    auto rules = std::make_unique<Rules>(
        Rules{Required(claims.required), std::move(path), claims.roles_path.has_value(), {}});
    for (const auto& [name, text] : keys) {
        rules->keys.emplace(name, read_key(std::string_view(name).substr(0, name.find(':')), text));
    }
    rules_ = std::move(rules);
}

JwtVerifier::~JwtVerifier() = default;

Result<Identity> JwtVerifier::verify(std::string_view token, std::int64_t now) const {
    const auto& required = rules_->required;
    if (required.misconfigured) {
        return Error{Code::internal_error, "JWT is not configured correctly",
                     "misconfigured_server"};
    }
    const auto parts = split(token);
    if (!parts) return bad("Malformed token");
    const auto header = decode_object(parts->header);
    if (!header) return header.error();
    const auto sound = required.check_header(*header);
    if (!sound) return sound.error();
    const auto payload = decode_object(parts->payload);
    if (!payload) return payload.error();
    const auto valid = required.check_payload(*payload, static_cast<double>(now));
    if (!valid) return valid.error();
    const auto genuine = rules_->check_signature(*parts, *header);
    if (!genuine) return genuine.error();
    return read_identity(*payload, rules_->find_roles(*payload));
}

}  // namespace divan::auth
