#include "replication/endpoint.h"

#include <algorithm>
#include <map>

#include "replication/url.h"
#include "storage/base/digest.h"

namespace divan::replication {
namespace {

// An error of couch_replicator_parse that is no bad_request; of documents it becomes forbidden.
Error plain_error(std::string reason) {
    return {Code::internal_error, std::move(reason), "error"};
}

Error invalid_url(std::string_view what) {
    return {Code::bad_request, std::string(what) + " has an invalid url", "invalid_replication"};
}

bool allowed(const std::vector<std::string>& protocols, std::string_view scheme) {
    return std::find(protocols.begin(), protocols.end(), scheme) != protocols.end();
}

bool is_http(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://");
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

// couch_replicator_utils:decode_basic_creds/1
std::optional<PeerCredentials> basic_credentials(std::string_view base64) {
    const auto text = base64_decode(base64);
    if (!text) return std::nullopt;
    const auto colon = text->find(':');
    if (colon == std::string::npos) return std::nullopt;
    const auto name = text->substr(0, colon);
    return PeerCredentials{name, text->substr(colon + 1), name};
}

// Takes an Authorization header of Basic out. As in mochiweb_headers, which CouchDB goes through
// where there is such a header, names are then ordered without case and repeated ones are joined.
std::optional<PeerCredentials> take_basic_header(Headers& headers) {
    std::map<std::string, std::pair<std::string, std::string>> by_name;
    for (const auto& [name, value] : headers) {
        const auto [at, is_new] = by_name.try_emplace(lower(name), name, value);
        if (!is_new) at->second.second += ", " + value;
    }
    const auto authorization = by_name.find("authorization");
    if (authorization == by_name.end()) return std::nullopt;
    std::optional<PeerCredentials> found;
    const std::string value = authorization->second.second;
    if (lower(value.substr(0, 6)) == "basic ") {
        found = basic_credentials(std::string_view(value).substr(6));
        by_name.erase(authorization);
    }
    headers.clear();
    for (auto& [key, header] : by_name) headers.push_back(std::move(header));
    return found;
}

std::optional<PeerCredentials> from_auth(const JsonValue& endpoint) {
    const auto* auth = endpoint.find("auth");
    const auto* basic = auth ? auth->find("basic") : nullptr;
    const auto* name = basic ? basic->find("username") : nullptr;
    const auto* password = basic ? basic->find("password") : nullptr;
    if (!name || !password || !name->is_string() || !password->is_string()) return std::nullopt;
    return PeerCredentials{name->string(), password->string(), name->string()};
}

std::optional<PeerCredentials> from_address(const Url& url) {
    // A name alone is none, as in couch_replicator_utils:extract_creds_from_url/1.
    if (!url.has_password) return std::nullopt;
    return PeerCredentials{percent_decode(url.user, false), percent_decode(url.password, false),
                           url.user};
}

std::string with_slash(std::string url) {
    if (url.find('?') == std::string::npos && !url.ends_with('/')) url += '/';
    return url;
}

Result<Headers> read_headers(const JsonValue& endpoint) {
    Headers headers;
    const auto* given = endpoint.find("headers");
    if (!given) return headers;
    const Error refusal{Code::bad_request, "parameter `headers` must be an object of strings", {}};
    if (!given->is_object()) return refusal;
    for (const auto& [name, value] : given->members()) {
        // A line break would let a value end the head of the request.
        if (!value.is_string() || name.empty() ||
            (name + value.string()).find_first_of(std::string_view("\r\n\0", 3)) !=
                std::string::npos) {
            return refusal;
        }
        headers.emplace_back(name, value.string());
    }
    std::sort(headers.begin(), headers.end());
    return headers;
}

Result<Endpoint> from_object(const JsonValue& object, const Rules& rules) {
    const auto* address = object.find("url");
    if (!address || !address->is_string()) return invalid_url("endpoint");
    const auto url = parse_url(address->string());
    if (!url || !allowed(rules.endpoint_protocols, url->scheme)) return invalid_url("endpoint");
    auto headers = read_headers(object);
    if (headers.has_error()) return headers.error();

    Endpoint endpoint{.url = with_slash(without_userinfo(address->string())),
                      .local_database = {},
                      .headers = std::move(headers.value())};
    // In the order of couch_replicator_utils:normalize_basic_auth/1.
    const auto in_header = take_basic_header(endpoint.headers);
    endpoint.credentials = from_auth(object);
    if (!endpoint.credentials) endpoint.credentials = from_address(*url);
    if (!endpoint.credentials) endpoint.credentials = in_header;
    return endpoint;
}

Endpoint from_name(std::string_view name, const LocalNames& local) {
    Endpoint endpoint{.url = with_slash(local.base + quote_plus(name)),
                      .local_database = std::string(name),
                      .headers = {{"authorization", local.authorization},
                                  {"cookie", local.cookie}}};
    endpoint.credentials = take_basic_header(endpoint.headers);
    return endpoint;
}

// chttpd:replication_uri/2
const JsonValue* name_of(const JsonValue& value) {
    return value.is_object() ? value.find("url") : &value;
}

}  // namespace

Result<Endpoint> parse_endpoint(const JsonValue* value, std::string_view proxy, const Rules& rules,
                                const LocalNames* local) {
    if (!value) return plain_error("Missing replicator database");
    Result<Endpoint> endpoint = invalid_url("endpoint");
    const auto* name = name_of(*value);
    if (local && name && name->is_string() && !is_http(name->string())) {
        return from_name(name->string(), *local);
    }
    if (value->is_object()) {
        endpoint = from_object(*value, rules);
    } else if (value->is_string()) {
        if (!is_http(value->string())) return plain_error("local_endpoints_not_supported");
        std::string object = "{\"url\":";
        append_json_string(object, value->string());
        endpoint = from_object(parse_json(object + "}").value(), rules);
    }
    if (endpoint.has_error() || proxy.empty()) return endpoint;

    const auto url = parse_url(proxy);
    if (!url || !allowed(rules.proxy_protocols, url->scheme)) return invalid_url("proxy");
    endpoint.value().proxy = proxy;
    return endpoint;
}

std::optional<std::string> shown_address(const JsonValue* endpoint) {
    if (!endpoint) return std::nullopt;
    if (endpoint->is_string() && !is_http(endpoint->string())) return endpoint->string();
    const auto parsed = parse_endpoint(endpoint, {}, Rules(), nullptr);
    if (parsed.has_error()) return std::nullopt;
    return parsed.value().url;
}

}  // namespace divan::replication
