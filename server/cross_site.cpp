#include "server/cross_site.h"

#include <string_view>

namespace divan::server {
namespace {

bool changes_nothing(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "TRACE";
}

/// Host and port, the port left out where it is the scheme's own.
std::string_view without_default_port(std::string_view host, std::string_view scheme) {
    const std::string_view port = scheme == "https" ? ":443" : ":80";
    if (host.ends_with(port)) host.remove_suffix(port.size());
    return host;
}

// A page that came in the clear, which anybody on the way may have written, is none of a server
// that speaks TLS. The other way round a proxy may have taken the encryption off.
bool is_own(const Request& request, std::string_view origin) {
    const auto colon = origin.find("://");
    if (colon == std::string_view::npos) return false;
    const auto scheme = origin.substr(0, colon);
    if (request.secure && scheme != "https") return false;
    const auto host = without_default_port(origin.substr(colon + 3), scheme);
    const auto same = [&](const std::string* name) {
        return name != nullptr && without_default_port(*name, scheme) == host;
    };
    // No page can make a browser send the second one without asking by a preflight first.
    return same(request.header("host")) || same(request.header("x-forwarded-host"));
}

/// What a form can send without being asked for permission first (Fetch standard).
bool is_of_form(const Request& request) {
    if (request.method != "POST") return false;
    std::string type(request.content_type());
    for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    type.erase(type.find_last_not_of(" \t") + 1);
    return type == "text/plain" || type == "application/x-www-form-urlencoded" ||
           type == "multipart/form-data";
}

/// Signing in, where nobody's name is at stake yet; a document's upload, which demands a Referer of
/// this server; and an application's own functions.
bool takes_forms(const Request& request) {
    const auto& path = request.segments;
    if (path.size() == 1) return path[0] == "_session";
    if (path.size() < 2 || path[0].starts_with('_')) return false;
    return path[1] == "_design" || (path.size() == 2 && !path[1].starts_with('_'));
}

}  // namespace

Result<void> check_cross_site(const Request& request, const Identity& who, const Cors& cors) {
    if (changes_nothing(request.method)) return {};
    const bool by_cookie = who.authenticated_by == "cookie";
    if (by_cookie && is_of_form(request) && !takes_forms(request)) {
        return Error{Code::bad_content_type, "Content-Type must be application/json", {}};
    }
    const auto* site = request.header("sec-fetch-site");
    if (site != nullptr && (*site == "same-origin" || *site == "none")) return {};
    if (!by_cookie && site == nullptr) return {};

    const auto* origin = request.header("origin");
    if (origin == nullptr && site == nullptr) return {};
    if (origin != nullptr) {
        if (is_own(request, *origin)) return {};
        if (by_cookie ? cors.allows_credentials(request, *origin) : cors.allows(request, *origin)) {
            return {};
        }
    }
    return Error{Code::forbidden, "Requests from other sites are not allowed here.", {}};
}

}  // namespace divan::server
