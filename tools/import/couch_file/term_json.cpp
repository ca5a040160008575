#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

#include "storage/base/json.h"
#include "storage/base/json_number.h"
#include "storage/base/utf8.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term.h"
#include "tools/import/couch_file/term_reader.h"

namespace divan::import {
namespace {

[[noreturn]] void no_json() {
    throw Damage("a body that is no JSON");
}

// Decimal digits by dividing the magnitude by 10^9 again and again.
void append_big(std::string& out, const TermReader::Big& big) {
    constexpr std::uint32_t billion = 1'000'000'000;
    if (big.magnitude.size() > json_integer_digits_max / 2) throw Damage("an absurd integer");
    std::vector<std::uint32_t> limbs((big.magnitude.size() + 3) / 4);
    for (std::size_t at = 0; at < big.magnitude.size(); ++at) {
        limbs[at / 4] |= static_cast<std::uint32_t>(static_cast<unsigned char>(big.magnitude[at]))
                         << (at % 4 * 8);
    }
    std::string digits;  // Lowest first.
    while (!limbs.empty()) {
        std::uint64_t remainder = 0;
        for (std::size_t at = limbs.size(); at > 0; --at) {
            const auto value = remainder << 32 | limbs[at - 1];
            limbs[at - 1] = static_cast<std::uint32_t>(value / billion);
            remainder = value % billion;
        }
        while (!limbs.empty() && limbs.back() == 0) limbs.pop_back();
        for (int digit = 0; digit < 9; ++digit, remainder /= 10) {
            digits.push_back(static_cast<char>('0' + remainder % 10));
        }
    }
    while (digits.size() > 1 && digits.back() == '0') digits.pop_back();
    if (digits.empty()) digits = "0";
    if (big.negative && digits != "0") out.push_back('-');
    out.append(digits.rbegin(), digits.rend());
}

constexpr std::uint64_t every_byte(std::uint8_t value) {
    return 0x0101010101010101U * value;
}

// Whether it is ASCII, and nothing of it is escaped in JSON. Eight at a time, whose highest bits
// tell: of a byte that is 0x80 or more, less than a blank, `"` or `\\`.
bool is_plain(std::string_view text) {
    constexpr auto high = every_byte(0x80);
    std::uint64_t found = 0;
    const auto look = [&](const char* from, std::size_t count) {
        std::uint64_t bytes = every_byte(' ');
        std::memcpy(&bytes, from, count);
        const auto quotes = bytes ^ every_byte('"');
        const auto slashes = bytes ^ every_byte('\\');
        found |= bytes | (bytes - every_byte(' ')) | (quotes - every_byte(1)) |
                 (slashes - every_byte(1));
    };
    for (; text.size() >= sizeof found; text.remove_prefix(sizeof found)) {
        look(text.data(), sizeof found);
    }
    look(text.data(), text.size());
    return (found & high) == 0;
}

void append_integer(std::string& out, std::int64_t value) {
    std::array<char, 24> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

void append_text(std::string& out, std::string_view text) {
    if (is_plain(text)) {
        out.push_back('"');
        out.append(text).push_back('"');
        return;
    }
    if (!is_utf8(text)) throw Damage("a text that is not UTF-8");
    append_json_string(out, text);
}

class JsonOfTerm {
public:
    JsonOfTerm(TermReader& in, std::string& out) : in_(in), out_(out) {}

    /// Whether no key is there twice, no top member has a special name, and nothing is so rare that
    /// it had better be looked at again: to read the text and print it anew would change nothing.
    bool normal() const { return normal_; }

    void value(int depth) {
        if (depth > term_depth_max) throw Damage("a body is nested too deep");
        switch (const auto tag = in_.tag()) {
            case Tag::small_integer: append_integer(out_, in_.u8()); break;
            case Tag::integer:
                append_integer(out_, static_cast<std::int32_t>(in_.u32()));
                break;
            case Tag::small_big:
            case Tag::large_big:
                normal_ = false;
                append_big(out_, in_.big(tag));
                break;
            case Tag::new_float:
            case Tag::old_float: real(in_.real(tag)); break;
            case Tag::atom:
            case Tag::small_atom:
            case Tag::atom_utf8:
            case Tag::small_atom_utf8: literal(in_.atom(tag)); break;
            case Tag::binary: append_text(out_, in_.raw(in_.u32())); break;
            case Tag::nil: out_ += "[]"; break;
            case Tag::bytes_list: bytes_list(in_.raw(in_.u16())); break;
            case Tag::list: list(depth); break;
            case Tag::small_tuple: object(depth); break;
            default: no_json();
        }
    }

private:
    void real(double value) {
        if (!std::isfinite(value)) no_json();
        append_json_double(out_, value);
    }
    // Documents of the server's own hold other atoms too, which CouchDB prints as strings.
    void literal(std::string_view name) {
        if (name == "true" || name == "false" || name == "null") {
            out_ += name;
        } else {
            append_text(out_, name);
        }
    }
    void bytes_list(std::string_view bytes) {
        out_.push_back('[');
        for (const char byte : bytes) {
            if (out_.back() != '[') out_.push_back(',');
            append_integer(out_, static_cast<unsigned char>(byte));
        }
        out_.push_back(']');
    }
    void list(int depth) {
        out_.push_back('[');
        const auto count = in_.count(in_.u32());
        for (std::uint32_t at = 0; at < count; ++at) {
            if (at > 0) out_.push_back(',');
            value(depth + 1);
        }
        if (in_.tag() != Tag::nil) no_json();
        out_.push_back(']');
    }
    // {[{Key, Value}, ...]}
    void object(int depth) {
        if (in_.u8() != 1) no_json();
        out_.push_back('{');
        const auto before = keys_.size();
        if (in_.peek() == Tag::nil) {
            in_.tag();
        } else {
            if (in_.tag() != Tag::list) no_json();
            const auto count = in_.count(in_.u32());
            for (std::uint32_t at = 0; at < count; ++at) {
                if (at > 0) out_.push_back(',');
                member(depth);
            }
            if (in_.tag() != Tag::nil) no_json();
        }
        if (normal_) normal_ = are_different(std::span(keys_).subspan(before));
        keys_.resize(before);
        out_.push_back('}');
    }
    void member(int depth) {
        if (in_.tag() != Tag::small_tuple || in_.u8() != 2) no_json();
        const auto tag = in_.tag();
        std::string_view name;
        if (tag == Tag::binary) {
            name = in_.raw(in_.u32());
        } else if (tag == Tag::atom || tag == Tag::small_atom || tag == Tag::atom_utf8 ||
                   tag == Tag::small_atom_utf8) {
            name = in_.atom(tag);
        } else {
            no_json();
        }
        append_text(out_, name);
        if (depth == 0 && name.starts_with('_')) normal_ = false;
        if (normal_) keys_.push_back(name);
        out_.push_back(':');
        value(depth + 1);
    }

    // Of few: objects of many members are read again as JSON.
    static bool are_different(std::span<const std::string_view> keys) {
        constexpr std::size_t keys_max = 32;
        if (keys.size() > keys_max) return false;
        for (std::size_t at = 1; at < keys.size(); ++at) {
            const auto before = keys.first(at);
            if (std::find(before.begin(), before.end(), keys[at]) != before.end()) return false;
        }
        return true;
    }

    TermReader& in_;
    std::string& out_;
    std::vector<std::string_view> keys_;  ///< Of the objects that are open.
    bool normal_ = true;
};

}  // namespace

std::string json_of_term(std::string_view bytes, bool* normal) {
    TermReader in(bytes);
    std::string json;
    json.reserve(bytes.size());
    JsonOfTerm writer(in, json);
    writer.value(0);
    if (!in.rest().empty()) no_json();
    if (normal) *normal = writer.normal() && json.starts_with('{');
    return json;
}

}  // namespace divan::import
