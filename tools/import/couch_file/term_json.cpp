#include <algorithm>
#include <cmath>
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

void append_text(std::string& out, std::string_view text) {
    if (!is_utf8(text)) throw Damage("a text that is not UTF-8");
    append_json_string(out, text);
}

class JsonOfTerm {
public:
    JsonOfTerm(TermReader& in, std::string& out) : in_(in), out_(out) {}

    void value(int depth) {
        if (depth > term_depth_max) throw Damage("a body is nested too deep");
        switch (const auto tag = in_.tag()) {
            case Tag::small_integer: out_ += std::to_string(in_.u8()); break;
            case Tag::integer:
                out_ += std::to_string(static_cast<std::int32_t>(in_.u32()));
                break;
            case Tag::small_big:
            case Tag::large_big: append_big(out_, in_.big(tag)); break;
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
            out_ += std::to_string(static_cast<unsigned char>(byte));
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
        out_.push_back('}');
    }
    void member(int depth) {
        if (in_.tag() != Tag::small_tuple || in_.u8() != 2) no_json();
        const auto tag = in_.tag();
        if (tag == Tag::binary) {
            append_text(out_, in_.raw(in_.u32()));
        } else if (tag == Tag::atom || tag == Tag::small_atom || tag == Tag::atom_utf8 ||
                   tag == Tag::small_atom_utf8) {
            append_text(out_, in_.atom(tag));
        } else {
            no_json();
        }
        out_.push_back(':');
        value(depth + 1);
    }

    TermReader& in_;
    std::string& out_;
};

}  // namespace

std::string json_of_term(std::string_view bytes) {
    TermReader in(bytes);
    std::string json;
    JsonOfTerm(in, json).value(0);
    if (!in.rest().empty()) no_json();
    return json;
}

}  // namespace divan::import
