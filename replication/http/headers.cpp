#include "replication/http/headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "replication/http/failures.h"
#include "storage/base/digest.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

constexpr std::size_t reason_bytes_max = 500;

constexpr std::array<std::string_view, 8> framing = {
    "connection", "content-length", "expect",  "keep-alive",
    "te",         "trailer",        "upgrade", "transfer-encoding"};

bool is_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return c > ' ' && c < 0x7f && c != ':';
    });
}

bool is_value(std::string_view value) {
    return std::none_of(value.begin(), value.end(),
                        [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::optional<HttpCredentials> basic_credentials(std::string_view value) {
    constexpr std::string_view scheme = "basic ";
    if (value.size() < scheme.size() || !same_header(value.substr(0, scheme.size()), scheme)) {
        return std::nullopt;
    }
    const auto decoded = base64_decode(value.substr(scheme.size()));
    if (!decoded) return std::nullopt;
    const auto colon = decoded->find(':');
    if (colon == std::string::npos) return std::nullopt;
    return HttpCredentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

std::string text_of(const JsonValue* value) {
    if (value == nullptr || value->is_null()) return {};
    auto text = value->is_string() ? value->string() : value->dump();
    if (text.size() > reason_bytes_max) text.resize(reason_bytes_max);
    return text;
}

}  // namespace

bool same_header(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

OwnHeaders read_own_headers(const std::vector<std::pair<std::string, std::string>>& headers) {
    OwnHeaders own;
    for (const auto& [name, value] : headers) {
        if (!is_name(name) || !is_value(value)) {
            throw rejected("bad_header", "a header of the replication is none");
        }
        const bool ours = std::any_of(framing.begin(), framing.end(), [&](std::string_view frame) {
            return same_header(name, frame);
        });
        if (ours) continue;
        if (same_header(name, "authorization")) {
            if (auto credentials = basic_credentials(value)) {
                own.credentials = std::move(credentials);
                continue;
            }
        }
        own.headers.push_back({name, value});
    }
    return own;
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

Refusal read_refusal(int status, std::string_view body) {
    Refusal refusal;
    if (const auto json = parse_json(body); json && json->is_object()) {
        refusal.error = text_of(json->find("error"));
        refusal.reason = text_of(json->find("reason"));
    }
    if (refusal.error.empty()) refusal.error = fmt::format("http_{}", status);
    if (refusal.reason.empty()) refusal.reason = fmt::format("the peer answered {}", status);
    return refusal;
}

}  // namespace divan::replication
