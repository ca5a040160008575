#include "server/request_rules.h"

#include <algorithm>
#include <limits>

#include "server/config/config.h"
#include "server/config/setting_list.h"

namespace divan::server {
namespace {

constexpr const char* kept_by_default =
    "Cache-Control, Content-Length, Content-Range, Content-Type, ETag, Server, Transfer-Encoding, "
    "Vary";

struct Usual {
    std::string_view setting;
    std::string_view name;
};
constexpr Usual usual_names[] = {{"x_forwarded_host", "x-forwarded-host"},
                                 {"x_forwarded_proto", "x-forwarded-proto"},
                                 {"x_forwarded_ssl", "x-forwarded-ssl"}};

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower;
}

/// Without its port.
std::string_view host_name(std::string_view host) {
    const auto colon = host.rfind(':');
    if (colon == std::string_view::npos || colon + 1 == host.size()) return host;
    const auto digits = host.substr(colon + 1);
    const bool port = digits.find_first_not_of("0123456789") == std::string_view::npos;
    return port ? host.substr(0, colon) : host;
}

/// Blanks count, as they do in CouchDB.
std::vector<std::string> host_list(std::string_view text) {
    std::vector<std::string> hosts;
    while (!text.empty()) {
        const auto end = std::min(text.find(','), text.size());
        hosts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return hosts;
}

}  // namespace

RequestRules::RequestRules(const Config& config)
    : minimal_(setting_list(config.get("chttpd", "prefer_minimal", kept_by_default))),
      target_bytes_max_(static_cast<std::uint64_t>(config.get_integer(
          "chttpd", "max_uri_length", std::numeric_limits<std::int64_t>::max()))),
      plus_is_space_(config.get_bool("chttpd", "decode_plus_to_space", true)) {
    for (const auto& [setting, name] : usual_names) {
        auto from = lower_case(config.get("chttpd", setting, name));
        if (from != name) forwarded_.push_back({std::move(from), name});
    }
    if (config.get_bool("chttpd", "validate_host", false)) {
        valid_hosts_ = host_list(config.get("chttpd", "valid_hosts"));
    }
}

Result<void> RequestRules::check_host(const Request& request) const {
    if (!valid_hosts_) return {};
    const auto* host = request.header("host");
    const auto end = valid_hosts_->end();
    const bool valid =
        host != nullptr && std::find(valid_hosts_->begin(), end, host_name(*host)) != end;
    if (valid) return {};
    return Error{Code::bad_request, "Invalid host header", {}};
}

void RequestRules::take_forwarded(Request& request) const {
    for (const auto& [from, to] : forwarded_) {
        std::erase_if(request.headers, [&](const Header& header) { return header.name == to; });
        for (auto& header : request.headers) {
            if (header.name == from) header.name = to;
        }
    }
}

void RequestRules::decode_path(Request& request) const {
    if (!plus_is_space_) keep_pluses(request);
}

std::optional<Response> RequestRules::check_length(const Request& request) const {
    if (request.target.size() <= target_bytes_max_) return std::nullopt;
    auto response =
        refusal(Error{Code::bad_request, "the request uri is too long", "too_long"});
    response.status = 414;
    return response;
}

void RequestRules::minimize(const Request& request, Response& response) const {
    const auto* wish = request.header("prefer");
    if (wish == nullptr || lower_case(*wish) != "return=minimal") return;
    std::erase_if(response.headers, [&](const Header& header) {
        return std::find(minimal_.begin(), minimal_.end(), header.name) == minimal_.end();
    });
    response.untraced = true;
}

}  // namespace divan::server
