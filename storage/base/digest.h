#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/bytes.h"

namespace divan {

using Md5Digest = std::array<std::uint8_t, 16>;

/// MD5 of one piece. Cheap for small ones: no allocation.
Md5Digest md5(BytesView bytes);
/// 20 bytes. Where CouchDB uses it for names; nothing secret is built on it.
Bytes sha1(BytesView bytes);

/// MD5 of a stream.
class Md5 {
public:
    Md5();
    ~Md5();
    Md5(Md5&&) noexcept;
    Md5& operator=(Md5&&) noexcept;

    void update(BytesView bytes);
    /// Once only.
    Md5Digest finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string base64_encode(BytesView bytes);
/// Standard alphabet, padding as CouchDB's `base64:decode/1` wants it. Empty where it is not
/// base64. White space inside is skipped.
std::optional<std::string> base64_decode(std::string_view text);
/// URL-safe alphabet without padding (RFC 4648 section 5).
std::string base64url_encode(BytesView bytes);

std::string hex_encode(BytesView bytes);  ///< Lower case.
std::optional<std::string> hex_decode(std::string_view text);

inline BytesView as_bytes(const Md5Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace divan
