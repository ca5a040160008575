#include "storage/query/js/reduce_limit.h"

#include <fmt/format.h>

namespace divan::storage::js {

std::optional<std::string> ReduceLimit::overflow(std::size_t input_bytes, std::size_t output_bytes,
                                                 std::string_view where) const {
    if (mode == Mode::off || output_bytes <= output_bytes_free) return std::nullopt;
    if (static_cast<double>(output_bytes) * ratio <= static_cast<double>(input_bytes)) {
        return std::nullopt;
    }
    return fmt::format(
        "Reduce output must shrink more rapidly: input size: {} output size: {} "
        "context: {}",
        input_bytes, output_bytes, where);
}

}  // namespace divan::storage::js
