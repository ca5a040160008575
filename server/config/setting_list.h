#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace divan::server {

/// The parts of "a, b ,c", blanks around the commas left out; none of an empty text. Empty parts
/// count but for those at the end.
///
/// CouchDB: re:split/3 by "\s*,\s*", as it reads all lists in settings.
std::vector<std::string> setting_list(std::string_view text);

}  // namespace divan::server
