#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace divan::auth::webauthn {

/// One CBOR value (RFC 8949). Texts and byte strings are views into the bytes that were read, which
/// outlive it.
class CborValue {
public:
    enum class Kind : std::uint8_t { integer, bytes, text, array, map, boolean, null, floating };
    using Member = std::pair<CborValue, CborValue>;

    Kind kind() const { return kind_; }
    bool is_map() const { return kind_ == Kind::map; }
    /// Empty where this is another kind of value.
    std::optional<std::int64_t> integer() const;
    std::optional<BytesView> bytes() const;
    std::optional<std::string_view> text() const;
    std::optional<bool> boolean() const;
    /// Of an array; else none.
    std::span<const CborValue> items() const { return items_; }
    /// Of a map, in the order of the bytes; else none.
    std::span<const Member> members() const { return members_; }
    /// Null where this is no map, or has no such key.
    const CborValue* find(std::int64_t key) const;
    const CborValue* find(std::string_view key) const;

private:
    friend class CborReader;
    Kind kind_ = Kind::null;
    bool boolean_ = false;
    std::int64_t integer_ = 0;
    BytesView bytes_;
    std::vector<CborValue> items_;
    std::vector<Member> members_;
};

/// Whether the keys of maps must stand in the order of CTAP2's canonical form: shorter ones first,
/// then by bytes. Keys that occur twice, lengths that are longer than need be, indefinite lengths
/// and tags are refused in any case, as that form refuses them.
enum class CborOrder : std::uint8_t { any, canonical };

/// How deep values may lie in one another.
inline constexpr std::size_t cbor_depth_max = 8;

/// A value and how many bytes it took.
struct CborPrefix {
    CborValue value;
    std::size_t size = 0;
};

/// The value that `bytes` begin with. Refuses with `bad_request`. Memory is bounded by the size of
/// `bytes`, whatever lengths they claim.
Result<CborPrefix> parse_cbor_prefix(BytesView bytes, CborOrder order);
/// The same, where nothing may follow.
Result<CborValue> parse_cbor(BytesView bytes, CborOrder order);

}  // namespace divan::auth::webauthn
