#include "storage/base/digest.h"

#include <openssl/evp.h>

#include <new>
#include <utility>

#include "storage/base/error.h"

namespace divan {
namespace {

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view hex_alphabet = "0123456789abcdef";

constexpr std::uint8_t white = 0x40;
constexpr std::uint8_t equals = 0x41;
constexpr std::uint8_t bad = 0x80;  // Has a bit that no digit has: four looked up at once.

constexpr std::array<std::uint8_t, 256> make_base64_digits() {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(bad);
    for (std::size_t i = 0; i < 64; ++i) {
        digits[static_cast<unsigned char>(base64_alphabet[i])] = static_cast<std::uint8_t>(i);
    }
    for (const char c : {'\t', '\n', '\r', ' '}) digits[static_cast<unsigned char>(c)] = white;
    digits[static_cast<unsigned char>('=')] = equals;
    return digits;
}

constexpr auto base64_digits = make_base64_digits();

std::uint8_t base64_digit(char c) {
    return base64_digits[static_cast<unsigned char>(c)];
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Looked up once: EVP_md5() would be fetched again for each digest.
const EVP_MD* md5_method() {
    static const EVP_MD* const method = EVP_MD_fetch(nullptr, "MD5", nullptr);
    DIVAN_CHECK(method != nullptr);
    return method;
}

struct ContextDeleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

Context make_context() {
    Context context(EVP_MD_CTX_new());
    if (!context) throw std::bad_alloc();
    return context;
}

Md5Digest finish_md5(EVP_MD_CTX* context) {
    Md5Digest digest;
    DIVAN_CHECK(EVP_DigestFinal_ex(context, digest.data(), nullptr) == 1);
    return digest;
}

std::string encode(BytesView bytes, std::string_view alphabet, bool padded) {
    const std::size_t rest = bytes.size() % 3;
    std::string out;
    out.resize((bytes.size() + 2) / 3 * 4);
    char* to = out.data();
    const auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
    for (const auto* end = from + (bytes.size() - rest); from != end; from += 3) {
        const unsigned group = from[0] << 16 | from[1] << 8 | from[2];
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        *to++ = alphabet[group >> 6 & 63];
        *to++ = alphabet[group & 63];
    }
    if (rest != 0) {
        const unsigned group = from[0] << 16 | (rest == 2 ? from[1] << 8 : 0);
        *to++ = alphabet[group >> 18];
        *to++ = alphabet[group >> 12 & 63];
        if (rest == 2) *to++ = alphabet[group >> 6 & 63];
        for (; padded && to != out.data() + out.size(); ++to) *to = '=';
    }
    out.resize(static_cast<std::size_t>(to - out.data()));
    return out;
}

/// What follows the padding must be white space.
bool only_white(std::string_view text) {
    for (const char c : text) {
        if (base64_digit(c) != white) return false;
    }
    return true;
}

}  // namespace

Md5Digest md5(BytesView bytes) {
    thread_local const Context context = make_context();
    DIVAN_CHECK(EVP_DigestInit_ex2(context.get(), md5_method(), nullptr) == 1);
    DIVAN_CHECK(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1);
    return finish_md5(context.get());
}

Bytes sha1(BytesView bytes) {
    Bytes digest(20, '\0');
    unsigned int size = 0;
    const bool done = EVP_Digest(bytes.data(), bytes.size(),
                                 reinterpret_cast<unsigned char*>(digest.data()), &size, EVP_sha1(),
                                 nullptr) == 1;
    DIVAN_CHECK(done && size == digest.size());
    return digest;
}

struct Md5::State {
    Context context = make_context();
};

Md5::Md5() : state_(std::make_unique<State>()) {
    DIVAN_CHECK(EVP_DigestInit_ex2(state_->context.get(), md5_method(), nullptr) == 1);
}

Md5::~Md5() = default;
Md5::Md5(Md5&&) noexcept = default;
Md5& Md5::operator=(Md5&&) noexcept = default;

void Md5::update(BytesView bytes) {
    DIVAN_CHECK(EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) == 1);
}

Md5Digest Md5::finish() {
    return finish_md5(state_->context.get());
}

std::string base64_encode(BytesView bytes) {
    return encode(bytes, base64_alphabet, true);
}

std::string base64url_encode(BytesView bytes) {
    return encode(bytes, base64url_alphabet, false);
}

std::optional<std::string> base64_decode(std::string_view text) {
    std::string out;
    out.resize(text.size() / 4 * 3 + 3);
    char* to = out.data();
    const auto finish = [&] {
        out.resize(static_cast<std::size_t>(to - out.data()));
        return std::optional(std::move(out));
    };
    std::size_t at = 0;
    while (true) {
        for (; text.size() - at >= 4; at += 4) {
            const std::uint8_t a = base64_digit(text[at]), b = base64_digit(text[at + 1]);
            const std::uint8_t c = base64_digit(text[at + 2]), d = base64_digit(text[at + 3]);
            if (((a | b | c | d) & 0xc0) != 0) break;
            *to++ = static_cast<char>(a << 2 | b >> 4);
            *to++ = static_cast<char>(b << 4 | c >> 2);
            *to++ = static_cast<char>(c << 6 | d);
        }
        // White space, the end, or what is no base64: one group with care.
        std::array<std::uint8_t, 4> group{};
        std::size_t have = 0;
        while (have < 4 && at < text.size()) {
            const std::uint8_t digit = base64_digit(text[at++]);
            if (digit == white) continue;
            if (digit == bad || (digit == equals && have < 2)) return std::nullopt;
            group[have++] = digit;
        }
        if (have == 0) return finish();
        if (have < 4 || (group[2] == equals && group[3] != equals)) return std::nullopt;
        *to++ = static_cast<char>(group[0] << 2 | group[1] >> 4);
        if (group[2] != equals) *to++ = static_cast<char>(group[1] << 4 | group[2] >> 2);
        if (group[3] != equals) {
            *to++ = static_cast<char>(group[2] << 6 | group[3]);
            continue;
        }
        if (!only_white(text.substr(at))) return std::nullopt;
        return finish();
    }
}

std::string hex_encode(BytesView bytes) {
    std::string out;
    out.resize(bytes.size() * 2);
    char* to = out.data();
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        *to++ = hex_alphabet[byte >> 4];
        *to++ = hex_alphabet[byte & 15];
    }
    return out;
}

std::optional<std::string> hex_decode(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) return std::nullopt;
        out.push_back(static_cast<char>(high << 4 | low));
    }
    return out;
}

}  // namespace divan
