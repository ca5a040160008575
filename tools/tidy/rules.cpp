#include "tools/tidy/rules.h"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace divan::tidy {
namespace {

std::vector<std::string> words(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> result;
    for (std::string word; stream >> word;) result.push_back(word);
    return result;
}

/// "name:" without its colon; throws where there is none.
std::string named(const std::string& word) {
    if (!word.ends_with(':')) throw std::runtime_error("a ':' is missing after " + word);
    return word.substr(0, word.size() - 1);
}

void read_line(Rules& rules, const std::vector<std::string>& line) {
    if (line[0] == "layer" && line.size() == 3) {
        rules.layers.push_back({std::stoi(line[1]), line[2]});
    } else if (line[0] == "only" && line.size() > 1) {
        rules.only.push_back({named(line[1]), {line.begin() + 2, line.end()}});
    } else if (line[0] == "header" && line.size() > 2) {
        rules.headers.push_back({named(line[1]), {line.begin() + 2, line.end()}});
    } else {
        throw std::runtime_error("expected layer, only or header");
    }
}

}  // namespace

const Rules::Layer* Rules::layer_of(std::string_view file) const {
    const Layer* best = nullptr;
    for (const Layer& layer : layers) {
        const bool longer = !best || layer.folder.size() > best->folder.size();
        if (longer && is_below(file, layer.folder)) best = &layer;
    }
    return best;
}

Rules parse_rules(std::string_view text) {
    Rules rules;
    std::istringstream lines{std::string(text)};
    std::size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const auto parts = words(line.substr(0, line.find('#')));
        if (parts.empty()) continue;
        try {
            read_line(rules, parts);
        } catch (const std::exception& failure) {
            throw std::runtime_error(
                fmt::format("layers.txt:{}: {}", number, failure.what()));
        }
    }
    return rules;
}

bool matches(std::string_view pattern, std::string_view text) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == text;
    if (!text.starts_with(pattern.substr(0, star))) return false;
    const auto rest = pattern.substr(star + 1);
    for (auto at = star; at <= text.size(); ++at) {
        if (matches(rest, text.substr(at))) return true;
    }
    return false;
}

bool is_below(std::string_view file, std::string_view folder) {
    return file.size() > folder.size() && file.starts_with(folder) && file[folder.size()] == '/';
}

}  // namespace divan::tidy
