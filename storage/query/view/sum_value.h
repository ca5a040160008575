#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/query/json_text.h"
#include "storage/query/view/exact_number.h"

namespace divan::storage {

/// What `_sum` adds up: numbers, arrays of numbers, objects of all three. Begins as the number 0.
/// couch_query_servers:sum_values/2.
class SumValue {
public:
    SumValue() = default;
    explicit SumValue(std::int64_t value) : number_(value) {}
    explicit SumValue(const JsonText& value);

    /// Empty, or what cannot be added: this is then of no use.
    std::optional<std::string> add(const SumValue& value);
    void append_to(std::string& out) const;

private:
    enum class Form : std::uint8_t { number, array, object, other };
    using Member = std::pair<std::string, SumValue>;

    std::optional<std::string> add_items(const std::vector<SumValue>& items);
    std::optional<std::string> add_members(const SumValue& object);
    bool is_zero() const;
    std::string text() const;

    Form form_ = Form::number;
    ExactNumber number_;
    std::vector<SumValue> items_;
    std::vector<Member> members_;
    std::string other_;  ///< JSON text of what is none of these; it can stand where it is alone.
};

/// The sum of all that is added, or the error that CouchDB shows in its place.
class Sum {
public:
    /// JSON text.
    void add(BytesView value);
    /// JSON text.
    std::string result() const;
    /// The error object with which `_sum` answers.
    static std::string error(std::string_view reason, std::string_view cause);

private:
    bool add_plain(BytesView value);

    bool only_plain_ = true;  ///< So far all were integers that fit, together: then they are here.
    std::int64_t plain_ = 0;
    SumValue value_;
    std::string error_;
};

}  // namespace divan::storage
