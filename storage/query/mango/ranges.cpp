#include "storage/query/mango/ranges.h"

#include <algorithm>
#include <iterator>
#include <span>

#include "storage/query/collation.h"

namespace divan::storage::mango {
namespace {

using Operator = SelectorNode::Operator;
using Nodes = std::span<const SelectorNode>;
using Names = std::vector<std::string>;

bool is_indexable(Operator op) {
    switch (op) {
        case Operator::less:
        case Operator::less_or_equal:
        case Operator::equal:
        case Operator::greater:
        case Operator::greater_or_equal:
        case Operator::begins_with:
        case Operator::exists:
            return true;
        default:
            return false;
    }
}

void add_indexable(const SelectorNode& node, Names& names) {
    if (node.op == Operator::all_of) {
        for (const auto& child : node.children) add_indexable(child, names);
    } else if (node.op == Operator::field && is_indexable(node.children.front().op)) {
        names.push_back(node.name);
    }
}

/// Where a value lies to a range.
enum class Place : std::uint8_t { below, at_low, within, at_high, above };

Place place_of(const std::string& value, const FieldRange& range) {
    if (range.low.kind != Bound::Kind::open) {
        const int order = compare(JsonText(value), JsonText(range.low.value));
        if (order < 0) return Place::below;
        if (order == 0) return Place::at_low;
    }
    if (range.high.kind == Bound::Kind::open) return Place::within;
    const int order = compare(JsonText(value), JsonText(range.high.value));
    if (order < 0) return Place::within;
    return order == 0 ? Place::at_high : Place::above;
}

void make_only(FieldRange& range, const std::string& value) {
    range.low = range.high = {Bound::Kind::inclusive, value};
}

void keep_above(FieldRange& range, const std::string& value, Bound::Kind kind) {
    switch (place_of(value, range)) {
        case Place::below:
            return;
        case Place::at_low:
            if (kind == Bound::Kind::exclusive) range.low = {kind, value};
            return;
        case Place::within:
            range.low = {kind, value};
            return;
        case Place::at_high:
            if (kind == Bound::Kind::inclusive && range.high.kind == kind) {
                make_only(range, value);
                return;
            }
            break;
        case Place::above:
            break;
    }
    range.empty = true;
}

void keep_below(FieldRange& range, const std::string& value, Bound::Kind kind) {
    switch (place_of(value, range)) {
        case Place::above:
            return;
        case Place::at_high:
            if (kind == Bound::Kind::exclusive) range.high = {kind, value};
            return;
        case Place::within:
            range.high = {kind, value};
            return;
        case Place::at_low:
            if (kind == Bound::Kind::inclusive && range.low.kind == kind) {
                make_only(range, value);
                return;
            }
            break;
        case Place::below:
            break;
    }
    range.empty = true;
}

void keep_equal(FieldRange& range, const std::string& value) {
    const auto place = place_of(value, range);
    const bool kept = place == Place::within ||
                      (place == Place::at_low && range.low.kind == Bound::Kind::inclusive) ||
                      (place == Place::at_high && range.high.kind == Bound::Kind::inclusive);
    kept ? make_only(range, value) : void(range.empty = true);
}

/// The last string that starts with `prefix`: U+FFFF sorts after every other character.
std::string last_with_prefix(const std::string& prefix) {
    return json_string(prefix + "\xEF\xBF\xBF");
}

void narrow(FieldRange& range, const SelectorNode& condition) {
    const auto& value = condition.argument_text;
    switch (condition.op) {
        case Operator::less:
            return keep_below(range, value, Bound::Kind::exclusive);
        case Operator::less_or_equal:
            return keep_below(range, value, Bound::Kind::inclusive);
        case Operator::equal:
            return keep_equal(range, value);
        case Operator::greater:
            return keep_above(range, value, Bound::Kind::exclusive);
        case Operator::greater_or_equal:
            return keep_above(range, value, Bound::Kind::inclusive);
        case Operator::begins_with:
            keep_above(range, value, Bound::Kind::inclusive);
            if (range.empty) return;
            return keep_below(range, last_with_prefix(condition.argument.string()),
                              Bound::Kind::inclusive);
        default:
            return;
    }
}

void narrow_by(FieldRange& range, const SelectorNode& node) {
    if (range.empty) return;
    if (node.op == Operator::all_of) {
        for (const auto& child : node.children) narrow_by(range, child);
    } else if (node.op == Operator::field && node.name == range.field) {
        narrow(range, node.children.front());
    }
}

void add_fields(const SelectorNode& node, Names& names) {
    if (node.op == Operator::field) {
        names.push_back(node.name);
    } else {
        for (const auto& child : node.children) add_fields(child, names);
    }
}

Names sorted_once(Names names) {
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

/// Of `fields`, those that no node demands.
Names not_demanded(Nodes nodes, Names fields) {
    for (const auto& node : nodes) {
        if (fields.empty()) break;
        if (node.op == Operator::all_of) {
            fields = not_demanded(node.children, std::move(fields));
        } else if (node.op == Operator::any_of) {
            Names left;
            for (const auto& child : node.children) {
                const auto of_child = not_demanded(Nodes(&child, 1), fields);
                left.insert(left.end(), of_child.begin(), of_child.end());
            }
            fields = sorted_once(std::move(left));
        } else if (node.op == Operator::field) {
            const auto& condition = node.children.front();
            const bool absent = condition.op == Operator::exists && !condition.argument.boolean();
            const auto at = std::find(fields.begin(), fields.end(), node.name);
            if (!absent && at != fields.end()) fields.erase(at);
        }
    }
    return fields;
}

bool is_constant(const SelectorNode& node, const std::string& field) {
    if (node.op == Operator::all_of) {
        return std::any_of(node.children.begin(), node.children.end(),
                           [&](const auto& child) { return is_constant(child, field); });
    }
    return node.op == Operator::field && node.name == field &&
           node.children.front().op == Operator::equal;
}

bool has_text(const SelectorNode& node) {
    return node.op == Operator::text ||
           std::any_of(node.children.begin(), node.children.end(), has_text);
}

}  // namespace

Names indexable_fields(const Selector& selector) {
    Names names;
    if (selector.root() != nullptr) add_indexable(*selector.root(), names);
    return sorted_once(std::move(names));
}

std::vector<FieldRange> field_ranges(const Selector& selector) {
    std::vector<FieldRange> ranges;
    for (auto& field : indexable_fields(selector)) {
        FieldRange range;
        range.field = std::move(field);
        narrow_by(range, *selector.root());
        if (range.empty) return {std::move(range)};
        ranges.push_back(std::move(range));
    }
    return ranges;
}

Names selector_fields(const Selector& selector) {
    Names names;
    if (selector.root() != nullptr) add_fields(*selector.root(), names);
    return names;
}

bool has_required_fields(const Selector& selector, const Names& fields) {
    if (fields.empty()) return true;
    if (selector.root() == nullptr) return false;
    return not_demanded(Nodes(selector.root(), 1), fields).empty();
}

bool is_constant_field(const Selector& selector, const std::string& field) {
    return selector.root() != nullptr && is_constant(*selector.root(), field);
}

bool is_text_search(const Selector& selector) {
    return selector.root() != nullptr && has_text(*selector.root());
}

bool is_empty_list(const Selector& selector) {
    const auto* const root = selector.root();
    if (root == nullptr || !root->children.empty()) return false;
    return root->op == Operator::all_of || root->op == Operator::any_of;
}

}  // namespace divan::storage::mango
