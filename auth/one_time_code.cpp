#include "auth/one_time_code.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <stdexcept>

#include "storage/base/bytes.h"
#include "storage/base/crypto.h"

namespace divan::auth {
namespace {

constexpr std::int64_t step_seconds = 30;
constexpr std::size_t key_bytes_max = 1024;

const EVP_MD* digest_of(std::string_view algorithm) {
    if (algorithm == "sha") return EVP_sha1();
    if (algorithm == "sha256") return EVP_sha256();
    return algorithm == "sha512" ? EVP_sha512() : nullptr;
}

// RFC 4226 section 5.3, with RFC 6238's longer hashes.
std::string code_at(const OneTimeCodes& codes, std::int64_t step) {
    constexpr std::array<std::uint32_t, 9> powers = {
        1, 10, 100, 1000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000};
    Bytes counter;
    ByteWriter(counter).u64(static_cast<std::uint64_t>(step));
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned mac_bytes = 0;
    const auto* done = HMAC(digest_of(codes.algorithm), codes.key.data(),
                            static_cast<int>(codes.key.size()),
                            reinterpret_cast<const unsigned char*>(counter.data()),
                            counter.size(), mac.data(), &mac_bytes);
    if (!done) throw std::runtime_error("HMAC failed");
    const std::size_t at = mac[mac_bytes - 1] & 0x0fU;
    const std::string_view cut(reinterpret_cast<const char*>(mac.data()) + at, 4);
    const std::uint32_t number = ByteReader(cut).u32() & 0x7fffffffU;
    const auto digits = static_cast<std::size_t>(codes.digits);
    return fmt::format("{:0{}}", number % powers[digits], codes.digits);
}

}  // namespace

OneTimeCodes read_one_time_codes(const JsonValue& totp) {
    OneTimeCodes codes;
    const JsonValue* key = totp.find("key");
    const JsonValue* algorithm = totp.find("algorithm");
    const JsonValue* length = totp.find("length");
    if (algorithm) codes.algorithm = algorithm->string();
    const auto digits = length ? length->integer().value_or(0) : codes.digits;
    const bool fits = digits >= 6 && digits <= 8 && digest_of(codes.algorithm) != nullptr;
    if (!fits || !key || !key->is_string() || key->string().size() > key_bytes_max) return codes;
    codes.digits = static_cast<int>(digits);
    codes.key = base32_decode(key->string()).value_or("");
    return codes;
}

std::optional<std::int64_t> step_of_code(const OneTimeCodes& codes, std::string_view code,
                                         std::int64_t unix_seconds) {
    std::optional<std::int64_t> found;
    if (codes.key.empty()) return found;
    for (const std::int64_t near : {-1, 0, 1}) {
        const auto step = unix_seconds / step_seconds + near;
        if (equal_in_constant_time(code_at(codes, step), code)) found = step;
    }
    return found;
}

std::optional<std::string> base32_decode(std::string_view text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string decoded;
    std::uint32_t bits = 0;
    int bit_count = 0;
    for (const char c : text) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) return std::nullopt;
        bits = bits << 5 | static_cast<std::uint32_t>(value);
        bit_count += 5;
        if (bit_count < 8) continue;
        bit_count -= 8;
        decoded.push_back(static_cast<char>(bits >> bit_count & 0xffU));
    }
    return decoded;
}

}  // namespace divan::auth
