#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace divan::tidy {

/// What `layers.txt` says.
struct Rules {
    struct Layer {
        int level;
        std::string folder;
    };
    struct Only {
        std::string folder;
        std::vector<std::string> sees;
    };
    struct Header {
        std::string prefix;
        std::vector<std::string> files;  ///< Patterns with '*'.
    };
    std::vector<Layer> layers;
    std::vector<Only> only;
    std::vector<Header> headers;

    /// The row that a file belongs to; null outside of all rows.
    const Layer* layer_of(std::string_view file) const;
};

/// Throws `std::runtime_error` with the line that is not understood.
Rules parse_rules(std::string_view text);

/// Whether `text` is `pattern`, where '*' stands for any text.
bool matches(std::string_view pattern, std::string_view text);
/// Whether `file` is in `folder` or below it.
bool is_below(std::string_view file, std::string_view folder);

}  // namespace divan::tidy
