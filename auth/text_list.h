#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace divan::auth {

/// Splits at commas and takes white space off around them, not off the two ends; empty pieces at
/// the end are left out. So CouchDB reads lists of roles and of hashes
/// (`re:split(Text, "\\s*,\\s*", [trim])`).
std::vector<std::string> split_list(std::string_view text);

}  // namespace divan::auth
