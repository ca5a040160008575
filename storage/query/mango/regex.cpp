#include "storage/query/mango/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>

namespace divan::storage::mango {
namespace {

constexpr std::uint32_t match_steps_max = 1'000'000;
constexpr std::uint32_t match_heap_kibibytes_max = 16 * 1024;

/// What a thread needs to match; used by one match at a time.
struct Matcher {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    pcre2_match_context* context = pcre2_match_context_create(nullptr);

    Matcher() {
        if (data == nullptr || context == nullptr) throw std::bad_alloc();
        pcre2_set_match_limit(context, match_steps_max);
        pcre2_set_heap_limit(context, match_heap_kibibytes_max);
    }
    Matcher(const Matcher&) = delete;
    Matcher& operator=(const Matcher&) = delete;
    ~Matcher() {
        pcre2_match_data_free(data);
        pcre2_match_context_free(context);
    }
};

PCRE2_SPTR units(std::string_view text) {
    return reinterpret_cast<PCRE2_SPTR>(text.data());
}

}  // namespace

std::optional<Regex> Regex::compile(std::string_view pattern) {
    int error = 0;
    PCRE2_SIZE at = 0;
    pcre2_code* code = pcre2_compile(units(pattern), pattern.size(), 0, &error, &at, nullptr);
    if (code == nullptr) return std::nullopt;
    return Regex(std::shared_ptr<const void>(code, [code](const void*) { pcre2_code_free(code); }));
}

bool Regex::matches(std::string_view text) const {
    thread_local const Matcher matcher;
    const auto* code = static_cast<const pcre2_code*>(code_.get());
    return pcre2_match(code, units(text), text.size(), 0, 0, matcher.data, matcher.context) >= 0;
}

}  // namespace divan::storage::mango
