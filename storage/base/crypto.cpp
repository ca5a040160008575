#include "storage/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>

#include "storage/base/digest.h"
#include "storage/base/error.h"

namespace divan {
namespace {

constexpr std::size_t sha256_bytes = 32;

const unsigned char* data_of(BytesView bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

Bytes sha256(BytesView bytes) {
    Bytes digest(sha256_bytes, '\0');
    auto* out = reinterpret_cast<unsigned char*>(digest.data());
    DIVAN_CHECK(EVP_Digest(bytes.data(), bytes.size(), out, nullptr, EVP_sha256(), nullptr) == 1);
    return digest;
}

Bytes hmac_sha256(BytesView key, BytesView bytes) {
    Bytes digest(sha256_bytes, '\0');
    auto* out = reinterpret_cast<unsigned char*>(digest.data());
    DIVAN_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data_of(bytes),
                     bytes.size(), out, nullptr) != nullptr);
    return digest;
}

bool equal_in_constant_time(BytesView a, BytesView b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<Bytes> base64url_decode(std::string_view text) {
    std::string standard(text);
    for (char& c : standard) {
        if (c == '-') {
            c = '+';
        } else if (c == '_') {
            c = '/';
        } else if (c == '+' || c == '/') {
            return std::nullopt;
        }
    }
    standard.append((4 - standard.size() % 4) % 4, '=');
    auto bytes = base64_decode(standard);
    // One spelling for each value: what decodes must encode to the same text again.
    if (bytes && base64url_encode(*bytes) != text) return std::nullopt;
    return bytes;
}

}  // namespace divan
