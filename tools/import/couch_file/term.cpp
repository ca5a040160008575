#include "tools/import/couch_file/term.h"

#include <algorithm>

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term_reader.h"

namespace divan::import {
namespace {

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

}  // namespace

// Parts of one term stand side by side; their own parts come behind.
class TermParser {
public:
    TermParser(TermReader& in, ParsedTerm& whole)
        : in_(in), whole_(whole), parts_max_(in_.rest().size()) {}

    void read(Term& term, int depth) {
        if (depth > term_depth_max) throw Damage("a term is nested too deep");
        const auto begin = in_.rest();
        read_kind(term, depth);
        term.bytes = begin.substr(0, begin.size() - in_.rest().size());
    }

private:
    static constexpr std::size_t piece_terms = 64, piece_terms_max = 4096;

    void read_kind(Term& term, int depth) {
        switch (const auto tag = in_.tag()) {
            case Tag::small_integer:
                term.kind = Term::Kind::integer;
                term.number = in_.u8();
                break;
            case Tag::integer:
                term.kind = Term::Kind::integer;
                term.number = static_cast<std::int32_t>(in_.u32());
                break;
            case Tag::small_big:
            case Tag::large_big:
                term.kind = Term::Kind::integer;
                term.number = small_big(in_.big(tag));
                break;
            case Tag::new_float:
            case Tag::old_float:
                term.kind = Term::Kind::real;
                in_.real(tag);
                break;
            case Tag::atom:
            case Tag::small_atom:
            case Tag::atom_utf8:
            case Tag::small_atom_utf8:
                term.kind = Term::Kind::atom;
                term.text = in_.atom(tag);
                break;
            case Tag::binary:
                term.kind = Term::Kind::binary;
                term.text = in_.raw(in_.u32());
                break;
            case Tag::bytes_list:
                term.kind = Term::Kind::bytes_list;
                term.text = in_.raw(in_.u16());
                break;
            case Tag::nil: break;
            case Tag::small_tuple: parts(term, Term::Kind::tuple, in_.u8(), depth); break;
            case Tag::large_tuple: parts(term, Term::Kind::tuple, in_.u32(), depth); break;
            case Tag::list:
                parts(term, Term::Kind::list, in_.u32(), depth);
                if (in_.tag() != Tag::nil) unexpected("the end of a list");
                break;
            default: throw Damage("a term of an unknown kind");
        }
    }

    void parts(Term& term, Term::Kind kind, std::uint32_t claimed, int depth) {
        const auto room = allocate(in_.count(claimed));
        term.kind = kind;
        for (auto& part : room) read(part, depth + 1);
        term.children = room;
    }

    // Each part takes a byte at least: no term has more of them, whatever it claims.
    std::span<Term> allocate(std::size_t count) {
        if (count > parts_max_ - parts_) throw Damage("a term claims more parts than it has bytes");
        parts_ += count;
        if (count > left_.size()) {
            piece_size_ = std::clamp(piece_size_ * 2, piece_terms, piece_terms_max);
            const auto size = std::max(count, std::min(piece_size_, parts_max_));
            whole_.pieces_.push_back(std::make_unique<Term[]>(size));
            left_ = {whole_.pieces_.back().get(), size};
        }
        const auto room = left_.first(count);
        left_ = left_.subspan(count);
        return room;
    }

    TermReader& in_;
    ParsedTerm& whole_;
    const std::size_t parts_max_;
    std::size_t parts_ = 0;
    std::size_t piece_size_ = 0;
    std::span<Term> left_;
};

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

ParsedTerm parse_term(std::string_view bytes) {
    TermReader in(bytes);
    in.version();
    ParsedTerm term;
    TermParser(in, term).read(term, 0);
    if (!in.rest().empty()) throw Damage("bytes follow a term");
    return term;
}

std::string_view without_version(std::string_view bytes) {
    TermReader in(bytes);
    in.version();
    return in.rest();
}

}  // namespace divan::import
