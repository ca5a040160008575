#pragma once

#include <memory>
#include <optional>
#include <string_view>

namespace divan::storage::mango {

/// A Perl-compatible expression over bytes, as Erlang's `re` without options. Work on one text is
/// bounded: an expression that would run away does not match. Any thread.
class Regex {
public:
    /// Empty where it is no expression.
    static std::optional<Regex> compile(std::string_view pattern);
    /// Whether it matches anywhere in `text`.
    bool matches(std::string_view text) const;

private:
    explicit Regex(std::shared_ptr<const void> code) : code_(std::move(code)) {}
    std::shared_ptr<const void> code_;  // shared by copies of a selector; never changed
};

}  // namespace divan::storage::mango
