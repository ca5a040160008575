#include "storage/query/view/exact_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/json.h"
#include "storage/query/collation.h"

namespace divan::storage {
namespace {

// Magnitudes: decimal digits without sign and without zeros in front; "" is 0.

std::string trimmed(std::string digits) {
    digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
}

bool less_magnitude(const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::string add_magnitudes(const std::string& a, const std::string& b) {
    std::string sum;
    int carry = 0;
    for (std::size_t i = 0; i < std::max(a.size(), b.size()) || carry > 0; ++i) {
        if (i < a.size()) carry += a[a.size() - 1 - i] - '0';
        if (i < b.size()) carry += b[b.size() - 1 - i] - '0';
        sum.push_back(static_cast<char>('0' + carry % 10));
        carry /= 10;
    }
    std::reverse(sum.begin(), sum.end());
    return sum;
}

/// `a` is not less than `b`.
std::string subtract_magnitudes(const std::string& a, const std::string& b) {
    std::string difference;
    int borrow = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        int digit = a[a.size() - 1 - i] - '0' - borrow;
        if (i < b.size()) digit -= b[b.size() - 1 - i] - '0';
        borrow = digit < 0 ? 1 : 0;
        difference.push_back(static_cast<char>('0' + digit + 10 * borrow));
    }
    std::reverse(difference.begin(), difference.end());
    return trimmed(difference);
}

std::string multiply_magnitudes(const std::string& a, const std::string& b) {
    std::vector<std::uint32_t> cells(a.size() + b.size(), 0);  // Lowest first.
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::uint32_t carry = 0;
        const auto factor = static_cast<std::uint32_t>(a[a.size() - 1 - i] - '0');
        for (std::size_t k = 0; k < b.size() || carry > 0; ++k) {
            carry += cells[i + k];
            if (k < b.size())
                carry += factor * static_cast<std::uint32_t>(b[b.size() - 1 - k] - '0');
            cells[i + k] = carry % 10;
            carry /= 10;
        }
    }
    std::string product;
    for (auto cell = cells.rbegin(); cell != cells.rend(); ++cell) {
        product.push_back(static_cast<char>('0' + *cell));
    }
    return trimmed(product);
}

struct Signed {
    bool negative;
    std::string magnitude;

    explicit Signed(std::string text)
        : negative(text.starts_with('-')), magnitude(trimmed(text.substr(negative ? 1 : 0))) {}
    Signed(bool sign, std::string digits) : negative(sign), magnitude(std::move(digits)) {}
    std::string text() const {
        if (magnitude.empty()) return "0";
        return (negative ? "-" : "") + magnitude;
    }
};

Signed sum_of(const Signed& a, const Signed& b) {
    if (a.negative == b.negative) return {a.negative, add_magnitudes(a.magnitude, b.magnitude)};
    if (less_magnitude(a.magnitude, b.magnitude)) {
        return {b.negative, subtract_magnitudes(b.magnitude, a.magnitude)};
    }
    return {a.negative, subtract_magnitudes(a.magnitude, b.magnitude)};
}

}  // namespace

ExactNumber ExactNumber::parse(std::string_view text) {
    const char* const end = text.data() + text.size();
    if (text.find_first_of(".eE") != std::string_view::npos) {
        double value = 0;
        std::from_chars(text.data(), end, value);
        return of_double(value);
    }
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec == std::errc() && read.ptr == end) return ExactNumber(value);
    return of_digits(std::string(text));
}

ExactNumber ExactNumber::of_digits(std::string digits) {
    ExactNumber number;
    const char* const end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, number.small_);
    if (read.ec == std::errc() && read.ptr == end) return number;
    number.form_ = Form::large;
    number.large_ = std::move(digits);
    return number;
}

ExactNumber ExactNumber::of_double(double value) {
    if (!std::isfinite(value)) throw Refused(Code::internal_error, "badarith");
    ExactNumber number;
    number.form_ = Form::real;
    number.real_ = value;
    return number;
}

double ExactNumber::to_double() const {
    if (form_ == Form::real) return real_;
    if (form_ == Form::small) return static_cast<double>(small_);
    double value = HUGE_VAL;
    std::from_chars(large_.data(), large_.data() + large_.size(), value);
    return value;
}

ExactNumber ExactNumber::operator+(const ExactNumber& other) const {
    if (form_ == Form::real || other.form_ == Form::real) {
        return of_double(to_double() + other.to_double());
    }
    std::int64_t sum = 0;
    if (form_ == Form::small && other.form_ == Form::small &&
        !__builtin_add_overflow(small_, other.small_, &sum)) {
        return ExactNumber(sum);
    }
    return of_digits(sum_of(Signed(text()), Signed(other.text())).text());
}

ExactNumber ExactNumber::operator*(const ExactNumber& other) const {
    if (form_ == Form::real || other.form_ == Form::real) {
        return of_double(to_double() * other.to_double());
    }
    std::int64_t product = 0;
    if (form_ == Form::small && other.form_ == Form::small &&
        !__builtin_mul_overflow(small_, other.small_, &product)) {
        return ExactNumber(product);
    }
    const Signed a(text());
    const Signed b(other.text());
    return of_digits(
        Signed(a.negative != b.negative, multiply_magnitudes(a.magnitude, b.magnitude)).text());
}

bool ExactNumber::operator<(const ExactNumber& other) const {
    if (form_ == Form::small && other.form_ == Form::small) return small_ < other.small_;
    return compare_numbers(text(), other.text()) < 0;
}

void ExactNumber::append_to(std::string& out) const {
    switch (form_) {
        case Form::small:
            out += std::to_string(small_);
            return;
        case Form::large:
            out += large_;
            return;
        case Form::real:
            append_json_double(out, real_);
            return;
    }
}

std::string ExactNumber::text() const {
    std::string out;
    append_to(out);
    return out;
}

}  // namespace divan::storage
