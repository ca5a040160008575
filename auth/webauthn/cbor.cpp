#include "auth/webauthn/cbor.h"

#include <algorithm>
#include <limits>

#include "storage/base/utf8.h"

namespace divan::auth::webauthn {
namespace {

// RFC 8949 section 3.1.
enum class Major : std::uint8_t { positive, negative, bytes, text, array, map, tag, simple };

constexpr std::uint8_t argument_in_one_byte = 24;
constexpr std::uint8_t argument_in_eight_bytes = 27;

[[noreturn]] void refuse(const char* reason) {
    throw Refused(Code::bad_request, reason);
}

bool in_canonical_order(BytesView earlier, BytesView later) {
    if (earlier.size() != later.size()) return earlier.size() < later.size();
    return earlier < later;
}

}  // namespace

std::optional<std::int64_t> CborValue::integer() const {
    if (kind_ != Kind::integer) return std::nullopt;
    return integer_;
}

std::optional<BytesView> CborValue::bytes() const {
    if (kind_ != Kind::bytes) return std::nullopt;
    return bytes_;
}

std::optional<std::string_view> CborValue::text() const {
    if (kind_ != Kind::text) return std::nullopt;
    return bytes_;
}

std::optional<bool> CborValue::boolean() const {
    if (kind_ != Kind::boolean) return std::nullopt;
    return boolean_;
}

const CborValue* CborValue::find(std::int64_t key) const {
    for (const auto& [its_key, value] : members_) {
        if (its_key.integer() == key) return &value;
    }
    return nullptr;
}

const CborValue* CborValue::find(std::string_view key) const {
    for (const auto& [its_key, value] : members_) {
        if (its_key.text() == key) return &value;
    }
    return nullptr;
}

class CborReader {
public:
    CborReader(BytesView bytes, CborOrder order) : bytes_(bytes), order_(order) {}

    std::size_t position() const { return at_; }
    CborValue value(std::size_t depth);

private:
    struct Head {
        Major major;
        std::uint8_t low;  ///< The low five bits.
        std::uint64_t argument;
    };

    BytesView take(std::uint64_t size);
    Head head();
    std::uint64_t argument(std::uint8_t low);
    void fill_array(CborValue& out, std::uint64_t count, std::size_t depth);
    void fill_map(CborValue& out, std::uint64_t count, std::size_t depth);
    static void fill_simple(CborValue& out, const Head& head);

    BytesView bytes_;
    std::size_t at_ = 0;
    CborOrder order_;
};

BytesView CborReader::take(std::uint64_t size) {
    if (size > bytes_.size() - at_) refuse("CBOR ends too early");
    const auto piece = bytes_.substr(at_, static_cast<std::size_t>(size));
    at_ += piece.size();
    return piece;
}

std::uint64_t CborReader::argument(std::uint8_t low) {
    if (low < argument_in_one_byte) return low;
    if (low > argument_in_eight_bytes) refuse("CBOR of indefinite length");
    std::uint64_t number = 0;
    for (const char c : take(std::uint64_t{1} << (low - argument_in_one_byte))) {
        number = number << 8 | static_cast<std::uint8_t>(c);
    }
    return number;
}

CborReader::Head CborReader::head() {
    const auto first = static_cast<std::uint8_t>(take(1).front());
    const Head head{static_cast<Major>(first >> 5), static_cast<std::uint8_t>(first & 31),
                    argument(first & 31)};
    // The largest numbers of the next shorter form, for arguments in 1, 2, 4 and 8 bytes.
    constexpr std::uint64_t shorter_max[] = {23, 0xff, 0xffff, 0xffff'ffff};
    if (head.major != Major::simple && head.low >= argument_in_one_byte &&
        head.argument <= shorter_max[head.low - argument_in_one_byte]) {
        refuse("CBOR number in more bytes than it needs");
    }
    return head;
}

CborValue CborReader::value(std::size_t depth) {
    if (depth == cbor_depth_max) refuse("CBOR is nested too deep");
    const auto head = this->head();
    CborValue out;
    switch (head.major) {
        case Major::positive:
        case Major::negative:
            if (head.argument > std::numeric_limits<std::int64_t>::max())
                refuse("CBOR number too big");
            out.kind_ = CborValue::Kind::integer;
            out.integer_ = static_cast<std::int64_t>(head.argument);
            if (head.major == Major::negative) out.integer_ = -1 - out.integer_;
            break;
        case Major::bytes:
            out.kind_ = CborValue::Kind::bytes;
            out.bytes_ = take(head.argument);
            break;
        case Major::text:
            out.kind_ = CborValue::Kind::text;
            out.bytes_ = take(head.argument);
            if (!is_utf8(out.bytes_)) refuse("CBOR text is no UTF-8");
            break;
        case Major::array:
            fill_array(out, head.argument, depth + 1);
            break;
        case Major::map:
            fill_map(out, head.argument, depth + 1);
            break;
        case Major::tag:
            refuse("CBOR with tags");
        case Major::simple:
            fill_simple(out, head);
            break;
    }
    return out;
}

void CborReader::fill_array(CborValue& out, std::uint64_t count, std::size_t depth) {
    out.kind_ = CborValue::Kind::array;
    for (; count > 0; --count) out.items_.push_back(value(depth));
}

void CborReader::fill_map(CborValue& out, std::uint64_t count, std::size_t depth) {
    out.kind_ = CborValue::Kind::map;
    std::vector<BytesView> keys;
    for (; count > 0; --count) {
        const auto start = at_;
        auto key = value(depth);
        const auto key_bytes = bytes_.substr(start, at_ - start);
        if (key.kind() != CborValue::Kind::integer && key.kind() != CborValue::Kind::text) {
            refuse("CBOR map with a key that is neither number nor text");
        }
        if (order_ == CborOrder::canonical && !keys.empty() &&
            !in_canonical_order(keys.back(), key_bytes)) {
            refuse("CBOR map whose keys are not in canonical order");
        }
        keys.push_back(key_bytes);
        out.members_.emplace_back(std::move(key), value(depth));
    }
    std::sort(keys.begin(), keys.end());
    if (std::adjacent_find(keys.begin(), keys.end()) != keys.end()) {
        refuse("CBOR map with a key that occurs twice");
    }
}

// RFC 8949 section 3.3. Floating point numbers occur in no structure of WebAuthn; in extensions
// they are passed over.
void CborReader::fill_simple(CborValue& out, const Head& head) {
    constexpr std::uint8_t false_value = 20, true_value = 21, null_value = 22, undefined = 23;
    switch (head.low) {
        case false_value:
        case true_value:
            out.kind_ = CborValue::Kind::boolean;
            out.boolean_ = head.low == true_value;
            return;
        case null_value:
        case undefined:
            return;
        case 25:
        case 26:
        case 27:
            out.kind_ = CborValue::Kind::floating;
            return;
        default:
            refuse("CBOR with an unknown simple value");
    }
}

Result<CborPrefix> parse_cbor_prefix(BytesView bytes, CborOrder order) {
    try {
        CborReader reader(bytes, order);
        CborPrefix prefix;
        prefix.value = reader.value(0);
        prefix.size = reader.position();
        return prefix;
    } catch (const Refused& refused) {
        return refused.error();
    }
}

Result<CborValue> parse_cbor(BytesView bytes, CborOrder order) {
    auto prefix = parse_cbor_prefix(bytes, order);
    if (!prefix) return prefix.error();
    if (prefix->size != bytes.size()) {
        return Error{Code::bad_request, "CBOR with bytes after its end", {}};
    }
    return std::move(prefix->value);
}

}  // namespace divan::auth::webauthn
