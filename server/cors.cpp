#include "server/cors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "server/config/config.h"
#include "server/config/setting_list.h"

namespace divan::server {
namespace {

// chttpd_cors.hrl.
constexpr std::string_view default_methods =
    "CONNECT,COPY,DELETE,GET,HEAD,OPTIONS,POST,PUT,TRACE";
constexpr std::string_view default_request_headers =
    "accept,accept-language,authorization,content-length,content-range,content-type,destination,"
    "expires,if-match,last-modified,origin,pragma,x-couch-full-commit,x-couch-id,x-couch-persist,"
    "x-couchdb-www-authenticate,x-http-method-override,x-requested-with,x-couchdb-vhost-path";
constexpr std::string_view default_exposed_headers =
    "accept-ranges,etag,server,x-couch-request-id,x-couch-update-newrev,x-couchdb-body-time";
// Readable by pages anyway, but CouchDB names those that an answer has. The content type is always
// named, and first.
constexpr std::string_view simple_headers[] = {"cache-control", "content-language", "expires",
                                               "last-modified", "pragma"};
constexpr std::string_view blanks = " \t\r\n\v\f";
constexpr std::string_view section_prefix = "cors:";

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    return lower;
}

// Unlike in settings, a blank before a comma counts: re:split/3 by ",\s*".
std::vector<std::string> header_list(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        parts.push_back(lower_case(text.substr(0, comma)));
        text.remove_prefix(std::min(comma + 1, text.size()));
        text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
    }
    return parts;
}

std::vector<std::string> lower_list(std::string_view text) {
    auto list = setting_list(text);
    for (auto& one : list) one = lower_case(one);
    return list;
}

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
}

CorsPolicy read_policy(const Config& config, std::string_view section) {
    const auto read = [&](std::string_view key, std::string_view otherwise) {
        const auto own = config.find(section, key);
        return own ? *own : config.get("cors", key, otherwise);
    };
    return {setting_list(read("origins", "")),
            setting_list(read("methods", default_methods)),
            lower_list(read("headers", default_request_headers)),
            lower_list(read("exposed_headers", default_exposed_headers)),
            read("max_age", "600"),
            read("credentials", "false") == "true"};
}

// couch_httpd_vhost:host/1: the host that a proxy names, else the one that was asked for; no port.
std::string_view host_of(const Request& request) {
    const auto* host = request.header("x-forwarded-host");
    if (host == nullptr) host = request.header("host");
    if (host == nullptr) return {};
    std::string_view text = *host;
    if (const auto scheme = text.find("://"); scheme != std::string_view::npos) {
        text.remove_prefix(scheme + 3);
    }
    text.remove_prefix(std::min(text.find_first_not_of(':'), text.size()));
    return text.substr(0, text.find(':'));
}

// Each header that is asked for must stand in the list, and as often as it is asked for: Erlang's
// list subtraction takes away one at a time.
bool all_allowed(const std::vector<std::string>& asked, std::vector<std::string> allowed) {
    return std::all_of(asked.begin(), asked.end(), [&](const std::string& header) {
        const auto found = std::find(allowed.begin(), allowed.end(), header);
        if (found == allowed.end()) return false;
        allowed.erase(found);
        return true;
    });
}

void add_origin(Response& response, const std::string& origin) {
    response.add("Access-Control-Allow-Origin", origin);
}

void add_credentials(Response& response, const CorsPolicy& policy, std::string_view origin) {
    if (policy.credentials && origin != "*") {
        response.add("Access-Control-Allow-Credentials", "true");
    }
}

}  // namespace

bool CorsPolicy::allows(std::string_view origin) const {
    return contains(origins, "*") || contains(origins, origin);
}

Cors::Cors(const Config& config)
    : enabled_(config.get_bool("chttpd", "enable_cors",
                               config.get_bool("httpd", "enable_cors", false))),
      common_(read_policy(config, "cors")) {
    if (!enabled_) return;
    for (const auto& [name, values] : config.all()) {
        if (!name.starts_with(section_prefix)) continue;
        of_hosts_.emplace(name.substr(section_prefix.size()), read_policy(config, name));
    }
}

const CorsPolicy& Cors::policy(const Request& request) const {
    if (of_hosts_.empty()) return common_;
    const auto found = of_hosts_.find(host_of(request));
    return found == of_hosts_.end() ? common_ : found->second;
}

std::optional<Response> Cors::preflight(const Request& request) const {
    if (!enabled_ || request.method != "OPTIONS") return std::nullopt;
    const auto* origin = request.header("origin");
    const auto* method = request.header("access-control-request-method");
    if (origin == nullptr || method == nullptr) return std::nullopt;
    const auto& policy = this->policy(request);
    if (!policy.allows(*origin) || !contains(policy.methods, *method)) return std::nullopt;
    const auto* asked = request.header("access-control-request-headers");
    const std::string headers = asked == nullptr ? std::string() : *asked;
    if (!all_allowed(header_list(headers), policy.request_headers)) {
        return std::nullopt;
    }
    Response response;
    response.status = 204;
    add_origin(response, *origin);
    response.add("Access-Control-Max-Age", policy.max_age);
    response.add("Access-Control-Allow-Methods",
                 fmt::format("{}", fmt::join(policy.methods, ", ")));
    add_credentials(response, policy, *origin);
    response.add("Access-Control-Allow-Headers", headers);
    return response;
}

void Cors::complete(const Request& request, Response& response) const {
    if (!enabled_) return;
    const auto* origin = request.header("origin");
    if (origin == nullptr) return;
    const auto& policy = this->policy(request);
    if (!policy.allows(*origin)) return;
    std::vector<std::string> exposed = {"content-type"};
    for (const auto& header : response.headers) {
        const auto name = lower_case(header.name);
        const auto* end = std::end(simple_headers);
        if (std::find(std::begin(simple_headers), end, name) != end) exposed.push_back(name);
    }
    exposed.insert(exposed.end(), policy.exposed_headers.begin(), policy.exposed_headers.end());
    add_origin(response, *origin);
    add_credentials(response, policy, *origin);
    response.add("Access-Control-Expose-Headers", fmt::format("{}", fmt::join(exposed, ", ")));
}

bool Cors::allows(const Request& request, std::string_view origin) const {
    return enabled_ && policy(request).allows(origin);
}

bool Cors::allows_credentials(const Request& request, std::string_view origin) const {
    if (!enabled_) return false;
    const auto& policy = this->policy(request);
    return policy.credentials && policy.allows(origin);
}

}  // namespace divan::server
