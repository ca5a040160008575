#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/erlang_term.h"
#include "storage/base/scratch_bytes.h"

namespace divan {

/// Containers within containers, at the most: CouchDB has no limit, but whoever reads the text
/// later may have a small stack.
inline constexpr std::size_t json_depth_max = 10'000;

/// Reads JSON once and writes it in two forms at the same time: the text as CouchDB prints it, and
/// the Erlang external term whose digest is the revision id.
///
/// Takes what CouchDB's parser (jiffy) takes. Strings are decoded and escaped anew; numbers are
/// printed as CouchDB does; of members with the same key the last remains, at its own place. What a
/// repeated key leaves dead is only marked while reading, and left out by `append_live_*`.
///
/// `load` a text, then take values from it: a caller may take outer objects apart itself with
/// `peek`, `take` and `key`, and `clear` between values. Memory is kept for the next text. One
/// thread at a time; views are good until the next call that is not const.
class JsonNormaliser {
public:
    /// A member of the object read by `root_object`.
    struct Member {
        std::size_t text;  ///< Where it begins in the text, and in the term.
        std::size_t term;
        std::uint64_t mark;  ///< Differs where keys differ, nearly always.
        bool dead;           ///< A later member has the same key; or the caller drops it.
    };

    JsonNormaliser();
    ~JsonNormaliser();
    JsonNormaliser(const JsonNormaliser&) = delete;
    JsonNormaliser& operator=(const JsonNormaliser&) = delete;

    /// This thread's own, to be used without interruption.
    static JsonNormaliser& of_this_thread();

    /// Finds the tokens of `json`, which must stay while they are read. False where it is no UTF-8,
    /// or a string is not closed or has control characters. Clears what was written.
    bool load(std::string_view json);
    /// Ends the use of a text, and gives back memory that only a large one needs.
    void unload();

    bool at_end() const { return at_ == end_; }
    /// The next token's first character; 0 at the end.
    char peek() const { return at_ == end_ ? '\0' : json_[*at_]; }
    /// Passes over the next token where it begins with `c`, which is `{}[],:`.
    bool take(char c) {
        if (peek() != c) return false;
        ++at_;
        return true;
    }
    /// Reads a key and the colon after it; empty where there is none. The view is into `term`.
    bool key(std::string_view& out);
    /// Reads one value of any kind. False where it is no JSON.
    bool value();
    /// Reads an object, and keeps its members for `members`.
    bool root_object();
    void clear();

    std::vector<Member>& members() { return members_; }
    std::string_view key_of(const Member& member) const { return key_at(member.term); }
    /// The value of the member at `index`, dead parts left out.
    TermView value_of(std::size_t index);
    /// What `value` has written, as a term: dead parts of a repeated key are still in it.
    TermView raw_term() const { return TermView(term_.view()); }
    /// Appends the object without its dead members: text, and term.
    void append_live_members(std::string& text, std::string& term);
    /// Append what `value` has written.
    void append_live_text(std::string& text);
    void append_live_term(std::string& term);

private:
    struct Frame {
        std::size_t term_header;
        std::size_t members_begin;
        std::uint32_t count;
        bool object;
        bool small_integers;  ///< All items so far are 0 to 255.
    };
    /// Of a value that a repeated key put aside.
    struct DeadPart {
        std::size_t text_begin, text_end;
        std::size_t term_begin, term_end;
    };
    struct Tokens;

    std::string_view token() const;
    std::string_view key_at(std::size_t term) const;
    bool step_into_value(bool& complete);
    bool open(bool object);
    bool member_key();
    bool close_containers(std::size_t bottom, bool& complete);
    void close_array(const Frame& frame);
    void close_object(const Frame& frame);
    bool scalar();
    bool literal(std::string_view word);
    bool string();
    bool escaped_string(std::string_view inside);
    void find_repeated(std::size_t begin);
    void find_repeated_among_many(std::size_t begin);
    bool same_key(const Member& a, const Member& b) const;
    std::uint64_t hash_of_key(const Member& member) const;
    void sort_dead_parts();
    void append_live(std::string& out, bool is_term, std::size_t begin, std::size_t end) const;

    std::unique_ptr<Tokens> tokens_;
    const char* json_ = nullptr;
    const std::uint32_t* at_ = nullptr;  ///< Offset of the next token; one more follows the last.
    const std::uint32_t* end_ = nullptr;
    ScratchBytes text_;
    ScratchBytes term_;
    bool last_is_small_ = false;  ///< The value just read is an integer 0 to 255.
    bool keep_root_ = false;
    bool dead_sorted_ = true;
    std::vector<Frame> frames_;
    std::vector<Member> members_;
    std::vector<DeadPart> dead_;
    std::vector<std::uint32_t> slots_;  ///< Hash table of `find_repeated_among_many`.
    std::string live_value_;
    std::uint64_t hash_seed_;
};

}  // namespace divan
