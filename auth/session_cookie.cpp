#include "auth/session_cookie.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "auth/session_record.h"
#include "storage/base/crypto.h"
#include "storage/base/digest.h"

namespace divan::auth {
namespace {

// In front of what is signed, so that no signature of one purpose serves another.
constexpr std::string_view purpose = "divan session cookie\n";
constexpr std::size_t seal_bytes = 32;

Bytes seal_of(BytesView sealed, std::string_view secret) {
    return hmac_sha256(secret, Bytes(purpose) + Bytes(sealed));
}

Bytes proof_of(std::string_view user, std::string_view time, std::string_view salt,
               std::string_view secret, HashAlgorithm algorithm) {
    return hmac(algorithm, Bytes(secret) + Bytes(salt), fmt::format("{}:{}", user, time));
}

}  // namespace

std::string seal_cookie(const RecordCookie& cookie, std::string_view secret) {
    Bytes text = fmt::format("{}:{:X}:", cookie.user, cookie.issued);
    text += base64url_decode(cookie.id).value();
    text += seal_of(text, secret);
    return base64url_encode(text);
}

std::optional<Bytes> decode_cookie(std::string_view value) {
    if (value.size() % 4 == 1) return std::nullopt;
    std::string standard(value);
    for (char& c : standard) {
        if (c == '-') {
            c = '+';
        } else if (c == '_') {
            c = '/';
        } else if (const auto byte = static_cast<unsigned char>(c); std::isalnum(byte) == 0) {
            return std::nullopt;
        }
    }
    standard.append((4 - standard.size() % 4) % 4, '=');
    return base64_decode(standard);
}

std::optional<RecordCookie> open_cookie(BytesView decoded,
                                        const std::vector<std::string>& secrets) {
    constexpr std::size_t tail = session_id_bytes + seal_bytes;
    if (decoded.size() <= tail || decoded[decoded.size() - tail - 1] != ':') return std::nullopt;
    const auto sealed = decoded.substr(0, decoded.size() - seal_bytes);
    const auto seal = decoded.substr(sealed.size());
    const bool ours = std::any_of(secrets.begin(), secrets.end(), [&](const std::string& secret) {
        return equal_in_constant_time(seal_of(sealed, secret), seal);
    });
    if (!ours) return std::nullopt;
    const auto text = decoded.substr(0, decoded.size() - tail - 1);
    const auto colon = text.rfind(':');  // a name may have colons of its own
    const auto issued = parse_cookie_time(text.substr(colon + 1));
    if (colon == BytesView::npos || !issued) return std::nullopt;
    return RecordCookie{std::string(text.substr(0, colon)), *issued,
                        base64url_encode(sealed.substr(sealed.size() - session_id_bytes))};
}

std::string sign_stateless(std::string_view user, std::int64_t issued, std::string_view salt,
                           const SessionRules& rules) {
    const auto time = fmt::format("{:X}", issued);
    const auto proof = proof_of(user, time, salt, rules.secrets.front(), rules.algorithms.front());
    return base64url_encode(fmt::format("{}:{}:", user, time) + proof);
}

std::optional<StatelessCookie> parse_stateless(BytesView decoded) {
    const auto first = decoded.find(':');
    if (first == BytesView::npos) return std::nullopt;
    const auto second = decoded.find(':', first + 1);
    if (second == BytesView::npos) return std::nullopt;
    return StatelessCookie{std::string(decoded.substr(0, first)),
                           std::string(decoded.substr(first + 1, second - first - 1)),
                           std::string(decoded.substr(second + 1))};
}

std::optional<std::int64_t> parse_cookie_time(std::string_view hex) {
    if (hex.starts_with('+')) hex.remove_prefix(1);
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), seconds, 16);
    if (error != std::errc() || end != hex.data() + hex.size()) return std::nullopt;
    return seconds;
}

bool is_proven(const StatelessCookie& cookie, std::string_view salt, const SessionRules& rules) {
    for (const auto algorithm : rules.algorithms) {
        if (digest_bytes(algorithm) != cookie.proof.size()) continue;
        for (const auto& secret : rules.secrets) {
            const auto proof = proof_of(cookie.user, cookie.time, salt, secret, algorithm);
            if (equal_in_constant_time(proof, cookie.proof)) return true;
        }
    }
    return false;
}

}  // namespace divan::auth
