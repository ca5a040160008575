#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/json.h"

namespace divan::storage::mango {

/// The members of a request's body, taken one after the other: mango_opts:validate/2. What is
/// wrong is told in the order of the taking, and last of all a member that nobody took. Every call
/// throws `Refused` with mango_error's sentences. `body` must outlive it.
class RequestMembers {
public:
    explicit RequestMembers(const JsonValue& body) : body_(body) {}

    /// Null where it is not there.
    const JsonValue* take(std::string_view name);
    const JsonValue& require(std::string_view name);

    bool boolean(std::string_view name, bool otherwise);
    std::uint64_t count(std::string_view name, std::uint64_t otherwise);
    std::uint64_t positive(std::string_view name, std::uint64_t otherwise);
    /// A string that is not empty; an empty result where the member is not there.
    std::string filled_string(std::string_view name);

    /// Refuses the first member that was not taken.
    void finish() const;

private:
    const JsonValue& body_;
    std::vector<std::string_view> taken_;
};

}  // namespace divan::storage::mango
