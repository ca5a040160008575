#include "server/config/setting_list.h"

#include <algorithm>

namespace divan::server {

std::vector<std::string> setting_list(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n\v\f";
    std::vector<std::string> parts;
    while (true) {
        const auto comma = text.find(',');
        auto part = text.substr(0, comma);
        const auto blank = parts.empty() ? 0 : part.find_first_not_of(blanks);
        part.remove_prefix(std::min(blank, part.size()));
        const bool last = comma == std::string_view::npos;
        if (!last) part = part.substr(0, part.find_last_not_of(blanks) + 1);
        parts.emplace_back(part);
        if (last) break;
        text.remove_prefix(comma + 1);
    }
    while (!parts.empty() && parts.back().empty()) parts.pop_back();
    return parts;
}

}  // namespace divan::server
