#include "storage/base/json_normaliser.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "storage/base/error.h"
#include "storage/base/json_number.h"
#include "storage/base/json_string.h"
#include "storage/base/random.h"

// simdjson's first stage finds where each token begins (and checks UTF-8 and string ends) at some
// gigabytes a second; this file walks over those offsets. simdjson's own walk is not used: jiffy's
// numbers are wider than simdjson's, and the length of a string, which the walk here gets for
// nothing from the next offset, would have to be searched.

namespace divan {
namespace {

// What a thread keeps between texts.
constexpr std::size_t kept_json_bytes_max = 1 << 20;
constexpr std::size_t kept_scratch_bytes_max = 1 << 20;
constexpr std::size_t kept_entries_max = 1 << 15;

// Up to here members are compared each with each.
constexpr std::size_t few_members_max = 16;

constexpr std::size_t pair_bytes = 2;  // Tag and arity before a member's key.

bool is_white(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

std::uint64_t load64(const char* from, std::size_t count) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, count);
    return value;
}

std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

/// Tells most different keys apart by their ends and length; `same_key` decides.
std::uint64_t mark_of(std::string_view key) {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;
    const char* const begin = key.data();
    const std::size_t size = key.size();
    if (size >= 8)
        return load64(begin, 8) * odd ^ std::rotl(load64(begin + size - 8, 8), 17) ^ size;
    if (size >= 4) return (load64(begin, 4) << 32 | load64(begin + size - 4, 4)) * odd ^ size;
    if (size == 0) return 0;
    const auto byte = [&](std::size_t i) {
        return std::uint64_t{static_cast<unsigned char>(begin[i])};
    };
    return (byte(0) << 16 | byte(size / 2) << 8 | byte(size - 1)) * odd ^ size;
}

}  // namespace

struct JsonNormaliser::Tokens {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;

    bool find(std::string_view json) {
        if (json.size() > simdjson::SIMDJSON_MAXSIZE_BYTES - 64) return false;
        if (!parser || parser->capacity() < json.size()) {
            std::size_t capacity = json.size();
            if (capacity <= kept_json_bytes_max) {
                capacity = std::max<std::size_t>(std::bit_ceil(capacity), 4096);
            }
            parser.reset();
            const auto error =
                simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, 1,
                                                                                        parser);
            if (error) throw std::bad_alloc();
        }
        return parser->stage1(reinterpret_cast<const std::uint8_t*>(json.data()), json.size(),
                              simdjson::stage1_mode::regular) == simdjson::SUCCESS;
    }
};

JsonNormaliser::JsonNormaliser() : tokens_(std::make_unique<Tokens>()), hash_seed_(random_u64()) {}

JsonNormaliser::~JsonNormaliser() = default;

JsonNormaliser& JsonNormaliser::of_this_thread() {
    thread_local JsonNormaliser instance;
    return instance;
}

bool JsonNormaliser::load(std::string_view json) {
    clear();
    at_ = end_ = nullptr;
    if (json.empty() || !tokens_->find(json)) return false;
    json_ = json.data();
    at_ = tokens_->parser->structural_indexes.get();
    end_ = at_ + tokens_->parser->n_structural_indexes;
    return true;
}

void JsonNormaliser::unload() {
    clear();
    at_ = end_ = nullptr;
    if (tokens_->parser && tokens_->parser->capacity() > kept_json_bytes_max) {
        tokens_->parser.reset();
    }
    text_.shrink(kept_scratch_bytes_max);
    term_.shrink(kept_scratch_bytes_max);
    if (live_value_.capacity() > kept_scratch_bytes_max) live_value_ = {};
    if (frames_.capacity() > kept_entries_max) frames_ = {};
    if (members_.capacity() > kept_entries_max) members_ = {};
    if (dead_.capacity() > kept_entries_max) dead_ = {};
    if (slots_.capacity() > kept_entries_max) slots_ = {};
}

void JsonNormaliser::clear() {
    text_.clear();
    term_.clear();
    frames_.clear();
    members_.clear();
    dead_.clear();
    dead_sorted_ = true;
}

/// The next token: up to where another begins, less the white space between.
std::string_view JsonNormaliser::token() const {
    const char* begin = json_ + at_[0];
    const char* end = json_ + at_[1];  // The text's end after the last token.
    while (end > begin + 1 && is_white(end[-1])) --end;
    return {begin, static_cast<std::size_t>(end - begin)};
}

std::string_view JsonNormaliser::key_at(std::size_t term) const {
    const char* header = term_.data() + term + pair_bytes;
    std::uint32_t size = 0;
    for (int i = 1; i < 5; ++i) size = size << 8 | static_cast<unsigned char>(header[i]);
    return {header + term_header_bytes, size};
}

bool JsonNormaliser::key(std::string_view& out) {
    if (peek() != '"') return false;
    const std::size_t begin = term_.size();
    if (!string() || !take(':')) return false;
    out = term_.view(begin + term_header_bytes, term_.size());
    return true;
}

bool JsonNormaliser::value() {
    const std::size_t bottom = frames_.size();
    while (true) {
        bool complete = true;
        if (!step_into_value(complete)) return false;
        if (!complete) continue;  // A container was opened: its first value is next.
        if (!close_containers(bottom, complete)) return false;
        if (complete) return true;
    }
}

bool JsonNormaliser::root_object() {
    keep_root_ = true;
    const bool read = peek() == '{' && value();
    keep_root_ = false;
    return read;
}

/// Reads a scalar or an empty container, or opens one.
bool JsonNormaliser::step_into_value(bool& complete) {
    const char first = peek();
    if (first != '{' && first != '[') return scalar();
    ++at_;
    const bool object = first == '{';
    last_is_small_ = false;
    if (peek() == (object ? '}' : ']')) {
        ++at_;
        text_.append(object ? "{}" : "[]");
        char* term = term_.room(3);
        if (object) {
            term = write_term_tag(term, TermTag::tuple);
            *term++ = 1;
        }
        term_.end_at(write_term_tag(term, TermTag::nil));
        return true;
    }
    complete = false;
    return open(object);
}

bool JsonNormaliser::open(bool object) {
    if (frames_.size() == json_depth_max) return false;
    text_.push_back(object ? '{' : '[');
    char* term = term_.room(pair_bytes + term_header_bytes);
    if (object) {
        term = write_term_tag(term, TermTag::tuple);
        *term++ = 1;
    }
    const auto header = static_cast<std::size_t>(term - term_.data());
    term_.end_at(write_term_header(term, TermTag::list, 0));  // The count is known at its end.
    frames_.push_back({header, members_.size(), 0, object, true});
    return !object || member_key();
}

bool JsonNormaliser::member_key() {
    if (peek() != '"') return false;
    const Member member{text_.size(), term_.size(), 0, false};
    char* pair = write_term_tag(term_.room(pair_bytes), TermTag::tuple);
    *pair++ = 2;
    term_.end_at(pair);
    std::string_view name;
    if (!key(name)) return false;
    text_.push_back(':');
    members_.push_back(member);
    members_.back().mark = mark_of(name);
    return true;
}

/// After a value: on to the next one of its container, or out of containers that end here.
bool JsonNormaliser::close_containers(std::size_t bottom, bool& complete) {
    while (frames_.size() > bottom) {
        Frame& frame = frames_.back();
        ++frame.count;
        frame.small_integers &= last_is_small_;
        const char next = peek();
        if (next == ',') {
            ++at_;
            text_.push_back(',');
            complete = false;
            return !frame.object || member_key();
        }
        if (next != (frame.object ? '}' : ']')) return false;
        ++at_;
        text_.push_back(next);
        if (frame.object) {
            close_object(frame);
        } else {
            close_array(frame);
        }
        last_is_small_ = false;
        frames_.pop_back();
    }
    complete = true;
    return true;
}

void JsonNormaliser::close_array(const Frame& frame) {
    constexpr std::uint32_t bytes_list_max = 65'535;
    char* out = term_.data() + frame.term_header;
    if (!frame.small_integers || frame.count > bytes_list_max) {
        write_term_header(out, TermTag::list, frame.count);
        term_.push_back(static_cast<char>(TermTag::nil));
        return;
    }
    const char* from = out + term_header_bytes;
    out = write_term_tag(out, TermTag::bytes_list);
    *out++ = static_cast<char>(frame.count >> 8);
    *out++ = static_cast<char>(frame.count);
    for (std::uint32_t i = 0; i < frame.count; ++i) *out++ = from[2 * i + 1];
    term_.end_at(out);
}

void JsonNormaliser::close_object(const Frame& frame) {
    find_repeated(frame.members_begin);
    if (keep_root_ && frames_.size() == 1) {
        term_.push_back(static_cast<char>(TermTag::nil));
        return;  // `append_live_members` writes the header.
    }
    std::uint32_t alive = frame.count;
    for (std::size_t i = frame.members_begin; i < members_.size(); ++i) {
        if (!members_[i].dead) continue;
        --alive;  // Never the last member, which nothing can repeat.
        dead_.push_back(
            {members_[i].text, members_[i + 1].text, members_[i].term, members_[i + 1].term});
        dead_sorted_ = false;
    }
    write_term_header(term_.data() + frame.term_header, TermTag::list, alive);
    term_.push_back(static_cast<char>(TermTag::nil));
    members_.resize(frame.members_begin);
}

bool JsonNormaliser::scalar() {
    last_is_small_ = false;
    const char first = peek();
    switch (first) {
        case '"': return string();
        case 't': return literal("true");
        case 'f': return literal("false");
        case 'n': return literal("null");
        default: break;
    }
    if (first != '-' && (first < '0' || first > '9')) return false;
    const auto number = token();
    ++at_;
    const auto read = normalise_number(number, text_, term_);
    last_is_small_ = read == NumberRead::small;
    return read != NumberRead::bad;
}

bool JsonNormaliser::literal(std::string_view word) {
    if (token() != word) return false;
    ++at_;
    text_.append(word);
    char* term = write_term_tag(term_.room(3 + word.size()), TermTag::atom);
    *term++ = 0;
    *term++ = static_cast<char>(word.size());
    std::memcpy(term, word.data(), word.size());
    term_.end_at(term + word.size());
    return true;
}

/// A string, key or value. Neither form is longer than the token, the term's header apart.
bool JsonNormaliser::string() {
    const auto quoted = token();
    if (quoted.size() < 2 || quoted.back() != '"') return false;
    ++at_;
    const auto inside = quoted.substr(1, quoted.size() - 2);
    if (std::memchr(inside.data(), '\\', inside.size()) != nullptr) return escaped_string(inside);
    char* text = text_.room(quoted.size());
    std::memcpy(text, quoted.data(), quoted.size());
    text_.end_at(text + quoted.size());
    char* term = term_.room(inside.size() + term_header_bytes);
    term = write_term_header(term, TermTag::binary, inside.size());
    std::memcpy(term, inside.data(), inside.size());
    term_.end_at(term + inside.size());
    return true;
}

bool JsonNormaliser::escaped_string(std::string_view inside) {
    char* text = text_.room(inside.size() + 2);
    char* const header = term_.room(inside.size() + term_header_bytes);
    char* term = header + term_header_bytes;
    *text++ = '"';
    const char* from = inside.data();
    const char* const end = from + inside.size();
    while (from != end) {
        const void* found = std::memchr(from, '\\', static_cast<std::size_t>(end - from));
        const char* stop = found ? static_cast<const char*>(found) : end;
        const auto plain = static_cast<std::size_t>(stop - from);
        std::memcpy(text, from, plain);
        std::memcpy(term, from, plain);
        text += plain;
        term += plain;
        from = stop;
        if (from == end) break;
        int code = 0;
        if (!read_json_escape(++from, end, code)) return false;
        text = write_json_escaped(text, code);
        term = write_utf8(term, code);
    }
    *text++ = '"';
    text_.end_at(text);
    const auto size = static_cast<std::size_t>(term - header) - term_header_bytes;
    write_term_header(header, TermTag::binary, size);
    term_.end_at(term);
    return true;
}

bool JsonNormaliser::same_key(const Member& a, const Member& b) const {
    return a.mark == b.mark && key_of(a) == key_of(b);
}

/// Marks the members from `begin` on whose key comes again.
void JsonNormaliser::find_repeated(std::size_t begin) {
    const std::size_t count = members_.size() - begin;
    if (count > few_members_max) return find_repeated_among_many(begin);
    Member* const members = members_.data() + begin;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        for (std::size_t j = i + 1; j < count; ++j) {
            if (members[i].mark == members[j].mark && same_key(members[i], members[j])) {
                members[i].dead = true;
                break;
            }
        }
    }
}

/// The whole key counts, and a seed that no client knows: nobody can choose keys that collide.
std::uint64_t JsonNormaliser::hash_of_key(const Member& member) const {
    auto key = key_of(member);
    std::uint64_t hash = hash_seed_ ^ key.size();
    for (; key.size() >= 8; key.remove_prefix(8)) {
        hash = fold(hash ^ load64(key.data(), 8), 0xe7037ed1a0b428db ^ hash_seed_);
    }
    return fold(hash ^ load64(key.data(), key.size()), 0x8ebc6af09c88c6e3 ^ hash_seed_);
}

void JsonNormaliser::find_repeated_among_many(std::size_t begin) {
    const std::size_t count = members_.size() - begin;
    const std::size_t mask = std::bit_ceil(count * 2) - 1;
    slots_.assign(mask + 1, 0);
    for (std::size_t i = count; i-- > 0;) {  // Backwards: the last of a key is met first.
        Member& member = members_[begin + i];
        std::size_t slot = hash_of_key(member) & mask;
        for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
            if (!same_key(member, members_[begin + slots_[slot] - 1])) continue;
            member.dead = true;
            break;
        }
        if (!member.dead) slots_[slot] = static_cast<std::uint32_t>(i + 1);
    }
}

void JsonNormaliser::sort_dead_parts() {
    if (dead_sorted_) return;
    std::sort(dead_.begin(), dead_.end(),
              [](const DeadPart& a, const DeadPart& b) { return a.text_begin < b.text_begin; });
    dead_sorted_ = true;
}

/// Appends [begin, end) of the text or the term, less the dead parts. They nest, but never overlap
/// otherwise.
void JsonNormaliser::append_live(std::string& out, bool is_term, std::size_t begin,
                                 std::size_t end) const {
    const ScratchBytes& from = is_term ? term_ : text_;
    const auto part_begin = [&](const DeadPart& part) {
        return is_term ? part.term_begin : part.text_begin;
    };
    auto part = std::lower_bound(
        dead_.begin(), dead_.end(), begin,
        [&](const DeadPart& each, std::size_t at) { return part_begin(each) < at; });
    for (; part != dead_.end() && part_begin(*part) < end; ++part) {
        if (part_begin(*part) < begin) continue;  // Within the part before.
        out.append(from.view(begin, part_begin(*part)));
        begin = is_term ? part->term_end : part->text_end;
    }
    out.append(from.view(begin, end));
}

TermView JsonNormaliser::value_of(std::size_t index) {
    const bool is_last = index + 1 == members_.size();
    // The end of the list is one byte.
    const std::size_t end = is_last ? term_.size() - 1 : members_[index + 1].term;
    const auto key = key_of(members_[index]);
    const auto begin = static_cast<std::size_t>(key.data() + key.size() - term_.data());
    if (dead_.empty()) return TermView(term_.view(begin, end));
    sort_dead_parts();
    live_value_.clear();
    append_live(live_value_, true, begin, end);
    return TermView(live_value_);
}

void JsonNormaliser::append_live_members(std::string& text, std::string& term) {
    sort_dead_parts();
    text.reserve(text.size() + text_.size());
    term.reserve(term.size() + term_.size());
    text.push_back('{');
    term.push_back(static_cast<char>(TermTag::tuple));
    term.push_back(1);
    const auto header = term.size();
    term.append(term_header_bytes, '\0');
    std::size_t alive = 0;
    for (std::size_t i = 0; i < members_.size();) {
        if (members_[i].dead) {
            ++i;
            continue;
        }
        const std::size_t first = i;
        while (i < members_.size() && !members_[i].dead) ++i;
        if (alive != 0) text.push_back(',');
        alive += i - first;
        const bool is_last = i == members_.size();
        // One byte ends the object, or stands between members; a term's are not separated.
        append_live(text, false, members_[first].text,
                    (is_last ? text_.size() : members_[i].text) - 1);
        append_live(term, true, members_[first].term,
                    is_last ? term_.size() - 1 : members_[i].term);
    }
    text.push_back('}');
    if (alive == 0) {
        term.resize(header);
    } else {
        write_term_header(term.data() + header, TermTag::list, alive);
    }
    term.push_back(static_cast<char>(TermTag::nil));
}

void JsonNormaliser::append_live_text(std::string& text) {
    sort_dead_parts();
    append_live(text, false, 0, text_.size());
}

void JsonNormaliser::append_live_term(std::string& term) {
    sort_dead_parts();
    append_live(term, true, 0, term_.size());
}

}  // namespace divan
