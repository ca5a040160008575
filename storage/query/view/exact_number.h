#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace divan::storage {

/// A JSON number as Erlang computes with it: integers of any size, exactly, and doubles, which win
/// where they meet.
class ExactNumber {
public:
    ExactNumber() = default;
    explicit ExactNumber(std::int64_t value) : small_(value) {}
    /// A number as JSON text, well formed.
    static ExactNumber parse(std::string_view text);

    /// Throw `Refused` where a double would leave its range, as Erlang fails there.
    ExactNumber operator+(const ExactNumber& other) const;
    ExactNumber operator*(const ExactNumber& other) const;
    bool operator<(const ExactNumber& other) const;

    void append_to(std::string& out) const;
    std::string text() const;

private:
    enum class Form : std::uint8_t { small, large, real };

    static ExactNumber of_digits(std::string digits);
    static ExactNumber of_double(double value);
    double to_double() const;

    Form form_ = Form::small;
    std::int64_t small_ = 0;
    double real_ = 0;
    std::string large_;  ///< Decimal digits, perhaps after a minus; does not fit 64 bits.
};

}  // namespace divan::storage
