#include "storage/query/mango/key_range.h"

#include <fmt/format.h>

namespace divan::storage::mango {
namespace {

/// Stands for what sorts after every value.
constexpr std::string_view beyond = "\"<MAX>\"";

/// mango_idx_special:start_key/1 and end_key/1.
std::string id_text(const Bound& bound, std::string_view open) {
    return bound.kind == Bound::Kind::open ? std::string(open) : bound.value;
}

}  // namespace

KeyRange key_range(const std::vector<FieldRange>& ranges) {
    KeyRange range;
    for (const auto& each : ranges) {
        if (each.low.kind == Bound::Kind::open) break;
        range.low.push_back(each.low.value);
    }
    for (const auto& each : ranges) {
        if (each.high.kind == Bound::Kind::open) break;
        range.high.push_back(each.high.value);
    }
    return range;
}

std::string start_text(const Plan& plan) {
    if (plan.nothing) return "null";
    if (plan.index->all_docs()) return id_text(plan.ranges.front().low, "\"\"");
    return fmt::format("[{}]", fmt::join(key_range(plan.ranges).low, ","));
}

std::string end_text(const Plan& plan) {
    if (plan.nothing) return "null";
    if (plan.index->all_docs()) return id_text(plan.ranges.front().high, beyond);
    auto values = key_range(plan.ranges).high;
    values.emplace_back(beyond);
    return fmt::format("[{}]", fmt::join(values, ","));
}

}  // namespace divan::storage::mango
