#pragma once

#include <string_view>

namespace divan {

/// Whether `bytes` are UTF-8: no surrogates, no overlong forms.
bool is_utf8(std::string_view bytes);

}  // namespace divan
