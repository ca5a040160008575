#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace divan {

/// Reads the configuration below the server: the value of a key as it is now, empty where it was
/// never set. Any thread.
using ReadSetting =
    std::function<std::optional<std::string>(std::string_view section, std::string_view key)>;

/// An integer, brought into [least, most]; what is none, or nothing, counts as `otherwise`.
std::int64_t read_integer(const ReadSetting& read, std::string_view section, std::string_view key,
                          std::int64_t otherwise, std::int64_t least, std::int64_t most);
/// "true" or "false"; anything else counts as `otherwise`.
bool read_bool(const ReadSetting& read, std::string_view section, std::string_view key,
               bool otherwise);
/// A key of `[chttpd_auth]`, or of its older name `[couch_httpd_auth]`
/// (chttpd_util:get_chttpd_auth_config/2).
std::optional<std::string> read_auth_setting(const ReadSetting& read, std::string_view key);
std::int64_t read_auth_integer(const ReadSetting& read, std::string_view key,
                               std::int64_t otherwise, std::int64_t least, std::int64_t most);

}  // namespace divan
