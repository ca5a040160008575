#include "storage/query/mango/bookmark.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "storage/query/mango/refuse.h"

namespace divan::storage::mango {
namespace {

std::optional<Bookmark> decode(std::string text) {
    if (text.size() % 4 == 1) return std::nullopt;
    std::replace(text.begin(), text.end(), '-', '+');
    std::replace(text.begin(), text.end(), '_', '/');
    text.append((4 - text.size() % 4) % 4, '=');
    const auto bytes = base64_decode(text);
    if (!bytes) return std::nullopt;
    const auto value = parse_json(*bytes);
    if (!value || !value->is_array() || value->items().size() != 2) return std::nullopt;
    const auto items = value->items();
    if (!items[0].is_string()) return std::nullopt;
    return Bookmark{items[0].string(), items[1].dump()};
}

}  // namespace

std::string bookmark_text(const Bookmark& bookmark) {
    return base64url_encode(fmt::format("[{},{}]", json_string(bookmark.id), bookmark.key));
}

Bookmark parse_bookmark(const std::string& text) {
    auto bookmark = decode(text);
    if (!bookmark) {
        refuse("invalid_bookmark", fmt::format("Invalid bookmark value: {}", json_string(text)));
    }
    return std::move(*bookmark);
}

}  // namespace divan::storage::mango
