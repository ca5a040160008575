#include "auth/text_list.h"

#include <algorithm>

namespace divan::auth {
namespace {

constexpr std::string_view white = " \t\r\n\v\f";

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> pieces;
    while (true) {
        const auto comma = text.find(',');
        auto piece = text.substr(0, comma);
        if (comma == std::string_view::npos) {
            pieces.emplace_back(piece);
            break;
        }
        piece = piece.substr(0, piece.find_last_not_of(white) + 1);
        pieces.emplace_back(piece);
        text.remove_prefix(comma + 1);
        text.remove_prefix(std::min(text.find_first_not_of(white), text.size()));
    }
    while (!pieces.empty() && pieces.back().empty()) pieces.pop_back();
    return pieces;
}

}  // namespace divan::auth
