#pragma once

#include <string_view>

namespace divan::server {

/// The Allow header of a 405 on a route's pattern, as CouchDB writes it. Empty where CouchDB's
/// text is just the methods of the rows.
std::string_view allow_text(std::string_view pattern);

}  // namespace divan::server
