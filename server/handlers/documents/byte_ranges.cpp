#include "server/handlers/documents/byte_ranges.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace divan::server {
namespace {

/// Offsets as they were sent: either may be left out.
struct SentRange {
    std::optional<std::uint64_t> first;
    std::optional<std::uint64_t> last;
};

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Calls `use` with each of the trimmed items between commas until it returns false.
template <class Use>
bool for_each_item(std::string_view list, Use use) {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        const auto item = trimmed(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
        if (!item.empty() && !use(item)) return false;
    }
    return true;
}

std::optional<std::uint64_t> parse_offset(std::string_view text) {
    std::uint64_t offset = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return offset;
}

std::optional<SentRange> parse_range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    SentRange range;
    const auto first = text.substr(0, dash);
    const auto last = text.substr(dash + 1);
    if (first.empty() && last.empty()) return std::nullopt;
    if (!first.empty()) range.first = parse_offset(first);
    if (!last.empty()) range.last = parse_offset(last);
    if (range.first.has_value() == first.empty() || range.last.has_value() == last.empty()) {
        return std::nullopt;
    }
    return range;
}

/// Empty where the header is none of byte ranges.
std::vector<SentRange> parse_header(std::string_view header) {
    constexpr std::string_view unit = "bytes=";
    std::vector<SentRange> ranges;
    if (!header.starts_with(unit)) return ranges;
    const bool good = for_each_item(header.substr(unit.size()), [&ranges](std::string_view item) {
        const auto range = parse_range(item);
        if (range) ranges.push_back(*range);
        return range.has_value();
    });
    if (!good) ranges.clear();
    return ranges;
}

/// Empty where it lies outside of `total` bytes.
std::optional<ByteRange> resolve(const SentRange& sent, std::uint64_t total) {
    if (sent.first && sent.last && *sent.last < *sent.first) return std::nullopt;
    ByteRange range;
    if (!sent.first) {
        if (*sent.last == 0 || total == 0) return std::nullopt;
        range.first = total - std::min(*sent.last, total);
        range.last = total - 1;
        return range;
    }
    if (*sent.first >= total) return std::nullopt;
    range.first = *sent.first;
    range.last = std::min(sent.last.value_or(total - 1), total - 1);
    return range;
}

/// The quality of an item of an Accept header, and the item without it. Empty where it is none.
std::optional<std::pair<std::string_view, double>> parse_quality(std::string_view item) {
    const auto semicolon = item.find(';');
    const auto name = trimmed(item.substr(0, semicolon));
    if (semicolon == std::string_view::npos) return std::pair(name, 1.0);
    const auto parameter = trimmed(item.substr(semicolon + 1));
    if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) return std::pair(name, 1.0);
    const auto digits = parameter.substr(2);
    double quality = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), quality);
    if (error != std::errc() || end != digits.data() + digits.size() || quality < 0 ||
        quality > 1) {
        return std::nullopt;
    }
    return std::pair(name, quality);
}

}  // namespace

Result<std::vector<ByteRange>> parse_byte_ranges(const std::string* header, std::uint64_t total) {
    std::vector<ByteRange> ranges;
    if (header == nullptr) return ranges;
    for (const auto& sent : parse_header(*header)) {
        if (sent.first == 0U && !sent.last) return std::vector<ByteRange>();
        const auto range = resolve(sent, total);
        if (!range) return Error{Code::bad_range, {}, {}};
        ranges.push_back(*range);
    }
    return ranges;
}

std::string content_range(const ByteRange& range, std::uint64_t total) {
    return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" +
           std::to_string(total);
}

Result<bool> accepts_gzip(const std::string* header) {
    if (header == nullptr) return false;
    std::optional<bool> gzip;
    std::optional<bool> identity;
    std::optional<bool> others;
    const bool readable = for_each_item(*header, [&](std::string_view item) {
        const auto parsed = parse_quality(item);
        if (!parsed) return false;
        const bool wanted = parsed->second > 0;
        if (parsed->first == "gzip") gzip = wanted;
        if (parsed->first == "identity") identity = wanted;
        if (parsed->first == "*") others = wanted;
        return true;
    });
    if (!readable) return false;
    const bool takes_gzip = gzip.value_or(others.value_or(false));
    const bool takes_identity = identity.value_or(others.value_or(true));
    if (!takes_gzip && !takes_identity) {
        return Error{Code::not_acceptable, "unsupported encoding", {}};
    }
    return takes_gzip;
}

}  // namespace divan::server
