#include "server/handlers/documents/byte_ranges.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace divan::server {
namespace {

/// Offsets as they were sent: either may be left out. What is beyond 62 bits is as good as 62 bits.
struct SentRange {
    std::optional<std::int64_t> first;
    std::optional<std::int64_t> last;
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

/// Erlang's list_to_integer/1.
std::optional<std::int64_t> parse_offset(std::string_view text) {
    constexpr std::int64_t most = std::int64_t{1} << 62U;
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::int64_t offset = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), offset);
    if (read.ec != std::errc() || offset > most) offset = most;
    return negative ? -offset : offset;
}

/// mochiweb_http:parse_range_request_1/1: tokens between dashes, whatever their number.
std::optional<SentRange> parse_range(std::string_view text) {
    SentRange range;
    if (text.starts_with('-')) {
        range.last = parse_offset(text.substr(1));
        return range.last ? std::optional(range) : std::nullopt;
    }
    const auto dash = std::min(text.find('-'), text.size());
    range.first = parse_offset(text.substr(0, dash));
    const auto next = text.find_first_not_of('-', dash);
    if (next != std::string_view::npos) {
        const auto end = std::min(text.find('-', next), text.size());
        range.last = parse_offset(text.substr(next, end - next));
        const bool more = text.find_first_not_of('-', end) != std::string_view::npos;
        if (more || !range.last) return std::nullopt;
    }
    return range.first ? std::optional(range) : std::nullopt;
}

/// mochiweb_http:parse_range_request/1: empty where the header is none of byte ranges.
std::optional<std::vector<SentRange>> parse_header(std::string_view header) {
    constexpr std::string_view unit = "bytes=";
    if (!header.starts_with(unit)) return std::nullopt;
    std::vector<SentRange> ranges;
    const bool good = for_each_item(header.substr(unit.size()), [&ranges](std::string_view item) {
        const auto range = parse_range(item);
        if (range) ranges.push_back(*range);
        return range.has_value();
    });
    return good ? std::optional(std::move(ranges)) : std::nullopt;
}

/// Empty where it lies outside of `total` bytes. One of more last bytes than there are is brought
/// to one less than there are, and only then counted from the end.
std::optional<ByteRange> resolve(const SentRange& sent, std::int64_t total) {
    if (sent.first && sent.last && *sent.last < *sent.first) return std::nullopt;
    auto first = sent.first.value_or(0);
    auto last = std::min(sent.last.value_or(total - 1), total - 1);
    if (!sent.first) {
        first = total - last;
        last = total - 1;
    }
    if (last < first) return std::nullopt;
    return ByteRange{static_cast<std::uint64_t>(first), static_cast<std::uint64_t>(last)};
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

Result<std::optional<std::vector<ByteRange>>> parse_byte_ranges(const std::string* header,
                                                                std::uint64_t total) {
    const std::optional<std::vector<ByteRange>> whole;
    const auto sent = header == nullptr ? std::nullopt : parse_header(*header);
    if (!sent) return whole;
    std::vector<ByteRange> ranges;
    for (const auto& one : *sent) {
        if (one.first == 0 && !one.last) return whole;
        const auto range = resolve(one, static_cast<std::int64_t>(total));
        if (!range) return Error{Code::bad_range, {}, {}};
        ranges.push_back(*range);
    }
    return std::optional(std::move(ranges));
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
