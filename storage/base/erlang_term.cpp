#include "storage/base/erlang_term.h"

namespace divan {
namespace {

constexpr std::uint8_t tag_of(TermTag tag) {
    return static_cast<std::uint8_t>(tag);
}

std::uint32_t read_u16(ByteReader& in) {
    const std::uint32_t high = in.u8();
    return high << 8 | in.u8();
}

}  // namespace

TermTag TermView::tag() const {
    if (bytes_.empty()) throw CorruptBytes();
    return static_cast<TermTag>(bytes_[0]);
}

bool TermView::is_object() const {
    return tag() == TermTag::tuple;
}

bool TermView::is_list() const {
    return tag() == TermTag::list || tag() == TermTag::nil || tag() == TermTag::bytes_list;
}

bool TermView::is_integer() const {
    return tag() == TermTag::small_integer || tag() == TermTag::integer ||
           tag() == TermTag::small_big || tag() == TermTag::large_big;
}

bool TermView::is_null() const {
    return tag() == TermTag::atom && bytes_.substr(3) == "null";
}

std::optional<bool> TermView::boolean() const {
    if (tag() != TermTag::atom || is_null()) return std::nullopt;
    return bytes_.substr(3) == "true";
}

std::optional<std::int64_t> TermView::integer() const {
    ByteReader in(bytes_);
    switch (static_cast<TermTag>(in.u8())) {
        case TermTag::small_integer: return in.u8();
        case TermTag::integer: return static_cast<std::int32_t>(in.u32());
        case TermTag::small_big: break;
        default: return std::nullopt;
    }
    const auto count = in.u8();
    const bool negative = in.u8() != 0;
    if (count > 8) return std::nullopt;
    std::uint64_t magnitude = 0;
    for (unsigned i = 0; i < count; ++i) magnitude |= std::uint64_t{in.u8()} << (8 * i);
    if (magnitude > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    const auto value = static_cast<std::int64_t>(magnitude);
    return negative ? -value : value;
}

std::optional<BytesView> TermView::binary() const {
    if (tag() != TermTag::binary) return std::nullopt;
    return bytes_.substr(term_header_bytes);
}

std::optional<BytesView> TermView::text() const {
    if (tag() == TermTag::nil) return BytesView();
    if (tag() == TermTag::bytes_list) return bytes_.substr(3);
    return binary();
}

std::optional<TermView> TermView::find(BytesView key) const {
    std::optional<TermView> found;
    if (!is_object()) return found;
    walk_object([&](BytesView name, TermView value) {
        if (name == key) found = value;
        return !found;
    });
    return found;
}

std::uint32_t TermView::list_count(ByteReader& in) {
    const auto tag = in.u8();
    if (tag == tag_of(TermTag::nil) || tag == tag_of(TermTag::bytes_list)) return 0;
    if (tag != tag_of(TermTag::list)) throw CorruptBytes();
    return in.u32();
}

/// Without recursion: terms nest as deeply as a client's JSON did.
BytesView TermView::take(ByteReader& in) {
    const auto begin = in.rest();
    for (std::uint64_t left = 1; left > 0; --left) {
        switch (static_cast<TermTag>(in.u8())) {
            case TermTag::small_integer: in.raw(1); break;
            case TermTag::integer: in.raw(4); break;
            case TermTag::float_: in.raw(8); break;
            case TermTag::atom:
            case TermTag::bytes_list: in.raw(read_u16(in)); break;
            case TermTag::binary: in.raw(in.u32()); break;
            case TermTag::small_big: in.raw(std::size_t{in.u8()} + 1); break;
            case TermTag::large_big: in.raw(std::size_t{in.u32()} + 1); break;
            case TermTag::nil: break;
            case TermTag::tuple: left += in.u8(); break;
            case TermTag::list: left += std::uint64_t{in.u32()} + 1; break;  // And its end.
            default: throw CorruptBytes();
        }
    }
    return begin.substr(0, begin.size() - in.rest().size());
}

}  // namespace divan
