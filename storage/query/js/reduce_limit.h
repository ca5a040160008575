#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace divan::storage::js {

/// `[query_server_config] reduce_limit` and its two numbers: a reduction that does not shrink what
/// it is given makes an index that grows with every level.
struct ReduceLimit {
    enum class Mode : std::uint8_t { off, log, refuse };
    Mode mode = Mode::refuse;
    std::size_t output_bytes_free = 5000;  ///< Less than that is never too much.
    double ratio = 2.0;                    ///< `output` times this must not be more than the input.

    /// Why the output is too much; empty where it is not. `where` names the design document.
    std::optional<std::string> overflow(std::size_t input_bytes, std::size_t output_bytes,
                                        std::string_view where) const;
};

}  // namespace divan::storage::js
