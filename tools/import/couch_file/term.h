#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace divan::import {

/// One Erlang term of a database file, as a tree: nodes of indexes, headers, revision trees. Bodies
/// of documents go through `json_of_term` instead, which builds none.
///
/// Texts are views into the bytes that were parsed, and parts live as long as the `ParsedTerm`.
class Term {
public:
    enum class Kind : std::uint8_t { integer, real, atom, binary, bytes_list, list, tuple };

    Kind kind = Kind::list;
    std::int64_t number = 0;         ///< Of an integer.
    std::string_view text;           ///< Of an atom, a binary, a bytes_list.
    std::span<const Term> children;  ///< Of a list or a tuple.
    std::string_view bytes;          ///< The term itself, without a version byte.

    bool is_atom(std::string_view name) const { return kind == Kind::atom && text == name; }
    bool is_tuple() const { return kind == Kind::tuple; }

    // Each throws `Damage` where the term is something else.
    std::int64_t integer() const;
    std::uint64_t unsigned_integer() const;
    std::string_view binary() const;
    std::span<const Term> list() const;
    std::span<const Term> tuple(std::size_t arity_min) const;
    /// Text that Erlang code may keep as a binary, an atom or a list of bytes.
    std::string_view any_text() const;
};

/// A term and all its parts, which are kept in a few large pieces.
class ParsedTerm : public Term {
public:
    ParsedTerm() = default;
    ParsedTerm(ParsedTerm&&) noexcept = default;
    ParsedTerm& operator=(ParsedTerm&&) noexcept = default;

private:
    friend class TermParser;
    std::vector<std::unique_ptr<Term[]>> pieces_;
};

/// Reads a term with its version byte, the whole of `bytes`. Throws `Damage`.
ParsedTerm parse_term(std::string_view bytes);

/// The term that is `bytes`, after CouchDB's compression (none, snappy, deflate, zstd) was taken
/// off: bytes that begin with Erlang's version byte and are not compressed. Throws `Damage`.
///
/// couch_compress:decompress/1.
std::string decompress_term(std::string_view bytes);
/// The same, of bytes that are not needed any more.
std::string decompressed(std::string bytes);

/// A term's bytes without the version byte that they must begin with.
std::string_view without_version(std::string_view bytes);

/// The JSON of a document's body or another ejson term, given without a version byte. Throws
/// `Damage` where the term is none. With `normal`: sets whether it surely is a body that
/// `storage::parse_client_document` would give back as it is, the text unchanged.
std::string json_of_term(std::string_view bytes, bool* normal = nullptr);

}  // namespace divan::import
