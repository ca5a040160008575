#include "storage/base/setting.h"

#include <algorithm>
#include <charconv>

namespace divan {
namespace {

std::int64_t parse(const std::optional<std::string>& text, std::int64_t otherwise,
                   std::int64_t least, std::int64_t most) {
    if (!text) return otherwise;
    std::int64_t value = 0;
    const char* last = text->data() + text->size();
    const auto [end, error] = std::from_chars(text->data(), last, value);
    if (error != std::errc() || end != last) return otherwise;
    return std::clamp(value, least, most);
}

}  // namespace

std::int64_t read_integer(const ReadSetting& read, std::string_view section, std::string_view key,
                          std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    return parse(read(section, key), otherwise, least, most);
}

bool read_bool(const ReadSetting& read, std::string_view section, std::string_view key,
               bool otherwise) {
    const auto text = read(section, key);
    if (!text || (*text != "true" && *text != "false")) return otherwise;
    return *text == "true";
}

std::optional<std::string> read_auth_setting(const ReadSetting& read, std::string_view key) {
    auto value = read("chttpd_auth", key);
    return value ? value : read("couch_httpd_auth", key);
}

std::int64_t read_auth_integer(const ReadSetting& read, std::string_view key,
                               std::int64_t otherwise, std::int64_t least, std::int64_t most) {
    return parse(read_auth_setting(read, key), otherwise, least, most);
}

}  // namespace divan
