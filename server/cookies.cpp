#include "server/cookies.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "server/config/config.h"

namespace divan::server {
namespace {

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view unquote(std::string_view text) {
    const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return quoted ? text.substr(1, text.size() - 2) : text;
}

std::string_view same_site(const Config& config) {
    auto value = read_auth_setting(setting_reader(config), "same_site").value_or("");
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (value == "none") return "; SameSite=None";
    if (value == "lax") return "; SameSite=Lax";
    if (value == "strict") return "; SameSite=Strict";
    return {};
}

}  // namespace

std::string_view cookie_of(const Request& request, std::string_view name) {
    for (const auto& header : request.headers) {
        if (header.name != "cookie") continue;
        std::string_view rest = header.value;
        while (!rest.empty()) {
            const auto end = rest.find_first_of(";,");
            const auto pair = trim(rest.substr(0, end));
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
            return unquote(trim(pair.substr(equals + 1)));
        }
    }
    return {};
}

// The order is mochiweb_cookies:cookie/3's.
std::string session_set_cookie(std::string_view value, const Config& config, const Request& request,
                               std::int64_t now) {
    const auto read = setting_reader(config);
    constexpr std::int64_t century = 100LL * 365 * 24 * 3600;
    auto cookie = fmt::format("{}={}; Version=1", session_cookie_name, value);
    if (read_auth_setting(read, "allow_persistent_cookies").value_or("") != "false") {
        const auto timeout = read_auth_integer(read, "timeout", 600, 1, century);
        cookie += fmt::format("; Expires={:%a, %d-%b-%Y %H:%M:%S} GMT; Max-Age={}",
                              fmt::gmtime(static_cast<std::time_t>(now + timeout)), timeout);
    }
    if (request.secure) cookie += "; Secure";
    const auto domain = read_auth_setting(read, "cookie_domain").value_or("");
    if (!domain.empty()) cookie += "; Domain=" + domain;
    cookie += "; Path=/; HttpOnly";
    cookie += same_site(config);
    return cookie;
}

}  // namespace divan::server
