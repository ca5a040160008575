#include "tools/import/couch_file/term.h"

#include <algorithm>

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term_reader.h"

namespace divan::import {
namespace {

// No more is reserved because a term claims it.
constexpr std::uint32_t children_reserved_max = 64;

[[noreturn]] void unexpected(const char* wanted) {
    throw Damage(std::string("found another term where ") + wanted + " belongs");
}

std::int64_t small_big(const TermReader::Big& big) {
    std::uint64_t magnitude = 0;
    if (big.magnitude.size() > sizeof magnitude) unexpected("a 64-bit integer");
    for (std::size_t at = big.magnitude.size(); at > 0; --at) {
        magnitude = magnitude << 8 | static_cast<unsigned char>(big.magnitude[at - 1]);
    }
    if (magnitude > static_cast<std::uint64_t>(INT64_MAX)) unexpected("a 64-bit integer");
    const auto value = static_cast<std::int64_t>(magnitude);
    return big.negative ? -value : value;
}

Term read(TermReader& in, int depth) {
    if (depth > term_depth_max) throw Damage("a term is nested too deep");
    Term term;
    const auto begin = in.rest();
    const auto parts = [&](Term::Kind kind, std::uint32_t claimed) {
        term.kind = kind;
        term.children.reserve(std::min(in.count(claimed), children_reserved_max));
        for (auto left = in.count(claimed); left > 0; --left) {
            term.children.push_back(read(in, depth + 1));
        }
    };
    switch (const auto tag = in.tag()) {
        case Tag::small_integer:
            term.kind = Term::Kind::integer;
            term.number = in.u8();
            break;
        case Tag::integer:
            term.kind = Term::Kind::integer;
            term.number = static_cast<std::int32_t>(in.u32());
            break;
        case Tag::small_big:
        case Tag::large_big:
            term.kind = Term::Kind::integer;
            term.number = small_big(in.big(tag));
            break;
        case Tag::new_float:
        case Tag::old_float:
            term.kind = Term::Kind::real;
            in.real(tag);
            break;
        case Tag::atom:
        case Tag::small_atom:
        case Tag::atom_utf8:
        case Tag::small_atom_utf8:
            term.kind = Term::Kind::atom;
            term.text = in.atom(tag);
            break;
        case Tag::binary:
            term.kind = Term::Kind::binary;
            term.text = in.raw(in.u32());
            break;
        case Tag::bytes_list:
            term.kind = Term::Kind::bytes_list;
            term.text = in.raw(in.u16());
            break;
        case Tag::nil: break;
        case Tag::small_tuple: parts(Term::Kind::tuple, in.u8()); break;
        case Tag::large_tuple: parts(Term::Kind::tuple, in.u32()); break;
        case Tag::list:
            parts(Term::Kind::list, in.u32());
            if (in.tag() != Tag::nil) unexpected("the end of a list");
            break;
        default: throw Damage("a term of an unknown kind");
    }
    term.bytes = begin.substr(0, begin.size() - in.rest().size());
    return term;
}

}  // namespace

std::int64_t Term::integer() const {
    if (kind != Kind::integer) unexpected("an integer");
    return number;
}

std::uint64_t Term::unsigned_integer() const {
    if (integer() < 0) unexpected("an integer that is not negative");
    return static_cast<std::uint64_t>(number);
}

std::string_view Term::binary() const {
    if (kind != Kind::binary) unexpected("a binary");
    return text;
}

std::span<const Term> Term::list() const {
    if (kind != Kind::list) unexpected("a list");
    return children;
}

std::span<const Term> Term::tuple(std::size_t arity_min) const {
    if (kind != Kind::tuple || children.size() < arity_min) unexpected("a larger tuple");
    return children;
}

std::string_view Term::any_text() const {
    const bool empty_list = kind == Kind::list && children.empty();
    if (kind != Kind::binary && kind != Kind::atom && kind != Kind::bytes_list && !empty_list) {
        unexpected("a text");
    }
    return text;
}

Term parse_term(std::string_view bytes) {
    TermReader in(bytes);
    in.version();
    auto term = read(in, 0);
    if (!in.rest().empty()) throw Damage("bytes follow a term");
    return term;
}

std::string_view without_version(std::string_view bytes) {
    TermReader in(bytes);
    in.version();
    return in.rest();
}

}  // namespace divan::import
