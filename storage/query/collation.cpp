#include "storage/query/collation.h"

#include <unicode/ubrk.h>
#include <unicode/ucol.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <vector>

#include "storage/query/index/collation_key.h"

namespace divan::storage {
namespace {

using Kind = JsonText::Kind;

struct CloseCollator {
    void operator()(UCollator* collator) const { ucol_close(collator); }
};
struct CloseBreaks {
    void operator()(UBreakIterator* breaks) const { ubrk_close(breaks); }
};
struct CloseText {
    void operator()(UText* text) const { utext_close(text); }
};

/// A collator must not be used by two threads at once, and opening one is slow.
const UCollator* thread_collator() {
    thread_local const std::unique_ptr<UCollator, CloseCollator> collator = [] {
        UErrorCode status = U_ZERO_ERROR;
        UCollator* opened = ucol_open("", &status);
        if (U_FAILURE(status)) throw std::runtime_error("no Unicode collation data");
        return std::unique_ptr<UCollator, CloseCollator>(opened);
    }();
    return collator.get();
}

int sign(auto difference) {
    return difference < 0 ? -1 : (difference > 0 ? 1 : 0);
}

int icu_size(std::string_view text) {
    constexpr auto most = static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max());
    if (text.size() > most) throw std::length_error("a string is too long to be collated");
    return static_cast<std::int32_t>(text.size());
}

bool is_integer(std::string_view number) {
    return number.find_first_of(".eE") == std::string_view::npos;
}

struct Digits {
    bool negative;
    std::string_view text;
};

Digits digits_of(std::string_view integer) {
    const bool negative = !integer.empty() && integer.front() == '-';
    integer.remove_prefix(negative ? 1 : 0);
    integer.remove_prefix(std::min(integer.find_first_not_of('0'), integer.size()));
    return {negative && !integer.empty(), integer};
}

int compare_integers(std::string_view a, std::string_view b) {
    const auto left = digits_of(a);
    const auto right = digits_of(b);
    if (left.negative != right.negative) return left.negative ? -1 : 1;
    const int by_size = left.text.size() < right.text.size()   ? -1
                        : left.text.size() > right.text.size() ? 1
                                                               : 0;
    const int magnitude = by_size != 0 ? by_size : sign(left.text.compare(right.text));
    return left.negative ? -magnitude : magnitude;
}

bool fits_64_bits(std::string_view number) {
    constexpr std::size_t digits_max = 18;
    return !is_integer(number) || number.size() <= digits_max;
}

/// Wide enough for every double and every 64-bit integer without loss.
long double value_of(std::string_view number) {
    std::int64_t integer = 0;
    double fraction = 0;
    const char* const end = number.data() + number.size();
    if (is_integer(number)) {
        std::from_chars(number.data(), end, integer);
        return static_cast<long double>(integer);
    }
    std::from_chars(number.data(), end, fraction);
    return static_cast<long double>(fraction);
}

int rank(Kind kind) {
    switch (kind) {
        case Kind::null:
        case Kind::boolean: return 0;
        case Kind::number: return 1;
        case Kind::string: return 2;
        case Kind::array: return 3;
        case Kind::object: return 4;
    }
    return 5;
}

int raw_rank(Kind kind) {
    switch (kind) {
        case Kind::number: return 0;
        case Kind::null:
        case Kind::boolean: return 1;
        case Kind::object: return 2;
        case Kind::array: return 3;
        case Kind::string: return 4;
    }
    return 5;
}

/// null, false, true.
int atom_rank(const JsonText& value) {
    return value.kind() == Kind::null ? 0 : (value.boolean() ? 2 : 1);
}

/// By name: false, null, true.
int raw_atom_rank(const JsonText& value) {
    return value.kind() == Kind::null ? 1 : (value.boolean() ? 2 : 0);
}

using Order = int (*)(const JsonText&, const JsonText&);

int compare_items(const JsonText& a, const JsonText& b, Order order) {
    JsonItems left(a);
    JsonItems right(b);
    for (;;) {
        const auto x = left.next();
        const auto y = right.next();
        if (!x) return y ? -1 : 0;
        if (!y) return 1;
        if (const int found = order(*x, *y); found != 0) return found;
    }
}

int compare_members(const JsonText& a, const JsonText& b, Order order) {
    JsonMembers left(a);
    JsonMembers right(b);
    for (;;) {
        const bool x = left.next();
        const bool y = right.next();
        if (!x) return y ? -1 : 0;
        if (!y) return 1;
        if (const int found = order(left.key(), right.key()); found != 0) return found;
        if (const int found = order(left.value(), right.value()); found != 0) return found;
    }
}

}  // namespace

int compare_strings(std::string_view a, std::string_view b) {
    if (a == b) return 0;
    UErrorCode status = U_ZERO_ERROR;
    const auto found = ucol_strcollUTF8(thread_collator(), a.data(), icu_size(a), b.data(),
                                        icu_size(b), &status);
    if (U_FAILURE(status)) throw std::runtime_error("strings cannot be collated");
    return static_cast<int>(found);
}

void append_sort_key(std::string& out, std::string_view text) {
    constexpr std::size_t stack_units = 256;
    std::array<UChar, stack_units> on_stack;
    std::vector<UChar> on_heap;
    UChar* units = on_stack.data();
    if (text.size() > on_stack.size()) {  // A byte makes one unit at the most.
        on_heap.resize(text.size());
        units = on_heap.data();
    }
    UErrorCode status = U_ZERO_ERROR;
    std::int32_t count = 0;
    u_strFromUTF8(units, icu_size(text), &count, text.data(), icu_size(text), &status);
    if (U_FAILURE(status)) throw std::runtime_error("strings cannot be collated");

    const auto before = out.size();
    out.resize(before + 2 * text.size() + 16);
    const auto get = [&] {
        return ucol_getSortKey(thread_collator(), units, count,
                               reinterpret_cast<std::uint8_t*>(out.data() + before),
                               static_cast<std::int32_t>(out.size() - before));
    };
    auto size = static_cast<std::size_t>(get());
    if (size > out.size() - before) {
        out.resize(before + size);
        size = static_cast<std::size_t>(get());
    }
    out.resize(before + size);
}

std::string sort_key_version() {
    UVersionInfo version{};
    ucol_getVersion(thread_collator(), version);
    std::array<char, U_MAX_VERSION_STRING_LENGTH> text{};
    u_versionToString(version, text.data());
    return text.data();
}

int compare_numbers(std::string_view a, std::string_view b) {
    if (is_integer(a) && is_integer(b)) return compare_integers(a, b);
    if (!fits_64_bits(a) || !fits_64_bits(b)) {
        const auto left = collation_key(JsonText(a), Collation::unicode);
        return sign(left.compare(collation_key(JsonText(b), Collation::unicode)));
    }
    const long double left = value_of(a);
    const long double right = value_of(b);
    return left < right ? -1 : (left > right ? 1 : 0);
}

int compare(const JsonText& a, const JsonText& b) {
    const Kind kind = a.kind();
    if (const int ranks = rank(kind) - rank(b.kind()); ranks != 0) return sign(ranks);
    std::string left;
    std::string right;
    switch (kind) {
        case Kind::null:
        case Kind::boolean: return sign(atom_rank(a) - atom_rank(b));
        case Kind::number: return compare_numbers(a.number(), b.number());
        case Kind::string: return compare_strings(a.string(left), b.string(right));
        case Kind::array: return compare_items(a, b, static_cast<Order>(compare));
        case Kind::object: return compare_members(a, b, static_cast<Order>(compare));
    }
    return 0;
}

int compare(const JsonValue& a, const JsonValue& b) {
    const auto left = a.dump();
    const auto right = b.dump();
    return compare(JsonText(left), JsonText(right));
}

int compare_raw(const JsonText& a, const JsonText& b) {
    const Kind kind = a.kind();
    if (const int ranks = raw_rank(kind) - raw_rank(b.kind()); ranks != 0) return sign(ranks);
    std::string left;
    std::string right;
    switch (kind) {
        case Kind::null:
        case Kind::boolean: return sign(raw_atom_rank(a) - raw_atom_rank(b));
        case Kind::number: return compare_numbers(a.number(), b.number());
        case Kind::string: return sign(a.string(left).compare(b.string(right)));
        case Kind::array: return compare_items(a, b, compare_raw);
        case Kind::object: return compare_members(a, b, compare_raw);
    }
    return 0;
}

bool has_prefix(std::string_view text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) return false;
    if (prefix.empty() || prefix.size() == text.size()) return true;
    const bool plain = static_cast<unsigned char>(text[prefix.size()]) < 0x80;
    if (plain && prefix.back() != '\r' && static_cast<unsigned char>(prefix.back()) < 0x80) {
        return true;
    }
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<UText, CloseText> opened(
        utext_openUTF8(nullptr, text.data(), icu_size(text), &status));
    thread_local const std::unique_ptr<UBreakIterator, CloseBreaks> breaks(
        [] {
            UErrorCode open_status = U_ZERO_ERROR;
            return ubrk_open(UBRK_CHARACTER, "", nullptr, 0, &open_status);
        }());
    if (!breaks) throw std::runtime_error("no Unicode character break data");
    ubrk_setUText(breaks.get(), opened.get(), &status);
    if (U_FAILURE(status)) throw std::runtime_error("characters cannot be told apart");
    return ubrk_isBoundary(breaks.get(), static_cast<std::int32_t>(prefix.size())) != 0;
}

}  // namespace divan::storage
