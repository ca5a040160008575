#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace divan::server {

/// One setting: CouchDB's section and key.
struct Setting {
    enum class Shown : std::uint8_t {
        built_in,  ///< `_config` shows the default, as if it stood in CouchDB's default.ini.
        when_set,  ///< `_config` has it only once it was set (default.ini has it in a comment).
    };

    std::string_view section;
    std::string_view key;
    std::string_view value;  ///< The default. Empty: none.
    Shown shown;
    std::string_view meaning;
};

/// Every setting that the server looks at.
std::span<const Setting> settings();

}  // namespace divan::server
