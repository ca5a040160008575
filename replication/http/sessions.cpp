#include "replication/http/sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "storage/base/digest.h"

namespace divan::replication {
namespace {

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return (x | 0x20) == (y | 0x20); });
}

// A cookie that could become another header or cookie of ours is none.
bool is_plain(std::string_view value) {
    return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return c > ' ' && c < 0x7f && c != ';' && c != ',' && c != '"';
    });
}

struct Cookie {
    std::string value;
    std::optional<std::chrono::seconds> age_max;
};

std::optional<Cookie> read_cookie(std::string_view text) {
    std::optional<Cookie> cookie;
    while (!text.empty()) {
        const auto end = std::min(text.find(';'), text.size());
        const auto part = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        const auto equals = part.find('=');
        const auto name = part.substr(0, equals);
        const auto value = equals == part.npos ? "" : part.substr(equals + 1);
        if (!cookie) {
            if (!same_name(name, "AuthSession") || !is_plain(value)) return std::nullopt;
            cookie = Cookie{std::string(value), std::nullopt};
            continue;
        }
        std::int32_t seconds = -1;
        std::from_chars(value.data(), value.data() + value.size(), seconds);
        if (!same_name(name, "Max-Age") || seconds < 0) continue;
        cookie->age_max = std::chrono::seconds(seconds);
    }
    return cookie;
}

}  // namespace

bool PeerSession::take_cookie(const HttpHeaders& headers, Time now,
                              const HttpClientSettings& settings) {
    for (const auto& header : headers) {
        if (header.name != "set-cookie") continue;
        const auto cookie = read_cookie(header.value);
        if (!cookie) continue;
        state_ = State::active;
        if (cookie->value == cookie_) return true;
        cookie_ = cookie->value;
        ++epoch_;
        refreshed_ = now;
        const auto age = cookie->age_max ? *cookie->age_max * 9 / 10 : settings.session_refresh;
        refresh_at_ = now + std::max(age, settings.session_refresh_least);
        return true;
    }
    return false;
}

bool PeerSession::refused(std::uint64_t epoch, Time now, const HttpClientSettings& settings) {
    if (state_ != State::active) return false;
    if (epoch < epoch_) return true;  // the next try has the cookie that came meanwhile
    const bool is_new = now - refreshed_ < settings.session_refresh_least;
    const auto next = is_new ? now + settings.session_refresh_least : now;
    refresh_at_ = std::min(refresh_at_, next);
    return !is_new;
}

std::shared_ptr<PeerSession> PeerSessions::of(const std::string& origin, const std::string& user,
                                              const std::string& password) {
    std::erase_if(sessions_, [](const auto& entry) { return entry.second.expired(); });
    const auto key = fmt::format("{} {} {}", origin, base64_encode(user), base64_encode(password));
    auto& known = sessions_[key];
    auto session = known.lock();
    if (!session) {
        session = std::make_shared<PeerSession>();
        known = session;
    }
    return session;
}

}  // namespace divan::replication
