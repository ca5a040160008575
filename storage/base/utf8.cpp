#include "storage/base/utf8.h"

#include <simdjson.h>

namespace divan {

bool is_utf8(std::string_view bytes) {
    return bytes.empty() || simdjson::validate_utf8(bytes.data(), bytes.size());
}

}  // namespace divan
