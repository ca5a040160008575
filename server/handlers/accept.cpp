#include "server/handlers/accept.h"

#include <charconv>
#include <string>

namespace divan::server {
namespace {

std::string_view trim(std::string_view text) {
    const auto from = text.find_first_not_of(" \t");
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

/// The next piece up to `separator`, which is taken off `rest` with it.
std::string_view take_piece(std::string_view& rest, char separator) {
    const auto end = rest.find(separator);
    const auto piece = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return trim(piece);
}

struct Range {
    std::string type;  ///< In lower case, as mochiweb compares it.
    double weight = 1.0;
    bool parameters = false;  ///< Others than the weight: then it names no type we send.
};

Range parse_range(std::string_view text) {
    Range range;
    range.type = take_piece(text, ';');
    for (char& c : range.type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    while (!text.empty()) {
        const auto parameter = take_piece(text, ';');
        if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) {
            range.parameters = true;
            continue;
        }
        const auto digits = parameter.substr(2);
        const auto end = digits.data() + digits.size();
        const auto read = std::from_chars(digits.data(), end, range.weight);
        if (read.ec != std::errc() || read.ptr != end) range.weight = 0.0;
    }
    return range;
}

}  // namespace

bool accepts(const Request& request, std::string_view type) {
    const std::string* header = request.header("accept");
    if (!header) return true;
    const std::string every = std::string(type.substr(0, type.find('/'))) + "/*";
    bool taken = false;
    std::string_view rest(*header);
    while (!rest.empty()) {
        const auto range = parse_range(take_piece(rest, ','));
        if (range.parameters) continue;
        const bool named = range.type == type || range.type == every;
        if (named && range.weight <= 0.0) return false;
        if (named || range.type == "*/*") taken = taken || range.weight > 0.0;
    }
    return taken;
}

}  // namespace divan::server
