#pragma once

#include <string>
#include <string_view>

namespace divan::storage::mango {

/// Where the next page starts: after this row of the index that the query uses.
struct Bookmark {
    std::string id;
    std::string key;  ///< JSON.
};

/// What clients are given: opaque to them.
std::string bookmark_text(const Bookmark& bookmark);

/// Throws `Refused` with mango_json_bookmark's sentence where it is none.
Bookmark parse_bookmark(const std::string& text);

}  // namespace divan::storage::mango
