#include "storage/query/mango/selector.h"

#include <algorithm>

#include "storage/query/collation.h"

namespace divan::storage::mango {
namespace {

using Operator = SelectorNode::Operator;
using Kind = JsonText::Kind;
/// How values are compared: collated, but `_id` by bytes (mango_selector:match/3).
using Order = int (*)(const JsonText&, const JsonText&);

int collated(const JsonText& a, const JsonText& b) {
    return compare(a, b);
}

bool judge(const SelectorNode& node, const JsonText& value, Order order);

bool same(const JsonText& value, const std::string& choice, Order order) {
    return order(value, JsonText(choice)) == 0;
}

bool is_in(const SelectorNode& node, const JsonText& value, Order order) {
    if (value.kind() != Kind::array) {
        return std::any_of(node.choices.begin(), node.choices.end(),
                           [&](const auto& choice) { return same(value, choice, order); });
    }
    JsonItems items(value);
    while (const auto item = items.next()) {
        const bool found =
            std::any_of(node.choices.begin(), node.choices.end(),
                        [&](const auto& choice) { return same(*item, choice, order); });
        if (found) return true;
    }
    return false;
}

/// Every choice is among the items, or the only choice is the array itself.
bool has_all(const SelectorNode& node, const JsonText& value) {
    if (value.kind() != Kind::array || node.choices.empty()) return false;
    const auto contains = [&](const std::string& choice) {
        JsonItems items(value);
        while (const auto item = items.next()) {
            if (identical(*item, JsonText(choice))) return true;
        }
        return false;
    };
    if (std::all_of(node.choices.begin(), node.choices.end(), contains)) return true;
    const JsonText only(node.choices.front());
    return node.choices.size() == 1 && only.kind() == Kind::array &&
           compare_raw(only, value) == 0;
}

bool has_element(const SelectorNode& node, const JsonText& value, Order order) {
    JsonItems items(value);
    while (const auto item = items.next()) {
        if (judge(node.children.front(), *item, order)) return true;
    }
    return false;
}

bool has_only_elements(const SelectorNode& node, const JsonText& value, Order order) {
    bool any = false;
    JsonItems items(value);
    while (const auto item = items.next()) {
        if (!judge(node.children.front(), *item, order)) return false;
        any = true;
    }
    return any;
}

bool has_key(const SelectorNode& node, const JsonText& value, Order order) {
    JsonMembers members(value);
    while (members.next()) {
        if (judge(node.children.front(), members.key(), order)) return true;
    }
    return false;
}

bool has_size(const SelectorNode& node, const JsonText& value) {
    if (value.kind() != Kind::array) return false;
    std::int64_t count = 0;
    JsonItems items(value);
    while (items.next()) ++count;
    return node.argument.integer() == count;
}

/// The remainder has the sign of the dividend, as Erlang's `rem`; whole numbers of any size.
bool has_remainder(const SelectorNode& node, const JsonText& value) {
    if (value.kind() != Kind::number || node.divisor == 0) return false;
    auto digits = value.number();
    if (digits.find_first_of(".eE") != std::string_view::npos) return false;
    const bool negative = digits.starts_with('-');
    if (negative) digits.remove_prefix(1);
    __extension__ using Wide = unsigned __int128;
    const Wide divisor = node.divisor < 0 ? -static_cast<Wide>(node.divisor)
                                          : static_cast<Wide>(node.divisor);
    Wide rest = 0;
    for (const char digit : digits) {
        rest = (rest * 10 + static_cast<unsigned>(digit - '0')) % divisor;
    }
    const bool sought_negative = node.remainder < 0;
    const Wide sought = sought_negative ? -static_cast<Wide>(node.remainder)
                                        : static_cast<Wide>(node.remainder);
    return rest == sought && (rest == 0 || negative == sought_negative);
}

std::string_view type_name(Kind kind) {
    switch (kind) {
        case Kind::null: return "null";
        case Kind::boolean: return "boolean";
        case Kind::number: return "number";
        case Kind::string: return "string";
        case Kind::array: return "array";
        case Kind::object: return "object";
    }
    return {};
}

bool judge_string(const SelectorNode& node, const JsonText& value) {
    if (value.kind() != Kind::string) return false;
    std::string scratch;
    const auto text = value.string(scratch);
    return node.op == Operator::regex ? node.expression->matches(text)
                                      : has_prefix(text, node.argument.string());
}

bool judge_field(const SelectorNode& node, const JsonText& value, Order order) {
    const auto& child = node.children.front();
    const auto field = find_field(value, node.path);
    if (field.kind == FoundField::Kind::not_found) {
        return child.op == Operator::exists && !child.argument.boolean();
    }
    if (field.kind == FoundField::Kind::bad_path) return false;
    const bool is_id = node.path.size() == 1 && node.path.front() == "_id";
    return judge(child, *field.value, is_id ? compare_raw : order);
}

bool judge_comparison(const SelectorNode& node, const JsonText& value, Order order) {
    const int found = order(value, JsonText(node.argument_text));
    switch (node.op) {
        case Operator::less: return found < 0;
        case Operator::less_or_equal: return found <= 0;
        case Operator::not_equal: return found != 0;
        case Operator::greater_or_equal: return found >= 0;
        case Operator::greater: return found > 0;
        default: return found == 0;
    }
}

bool judge(const SelectorNode& node, const JsonText& value, Order order) {
    const auto accepts = [&](const SelectorNode& child) { return judge(child, value, order); };
    const auto& children = node.children;
    switch (node.op) {
        case Operator::all_of: return std::all_of(children.begin(), children.end(), accepts);
        case Operator::any_of:  // an empty list is always true, in CouchDB too
            return children.empty() || std::any_of(children.begin(), children.end(), accepts);
        case Operator::none_of: return std::none_of(children.begin(), children.end(), accepts);
        case Operator::negated: return !accepts(children.front());
        case Operator::field: return judge_field(node, value, order);
        case Operator::element: return has_element(node, value, order);
        case Operator::every_element: return has_only_elements(node, value, order);
        case Operator::any_key: return has_key(node, value, order);
        case Operator::in: return is_in(node, value, order);
        case Operator::not_in: return !is_in(node, value, order);
        case Operator::exists: return node.argument.boolean();
        case Operator::type: return node.argument.string() == type_name(value.kind());
        case Operator::modulo: return has_remainder(node, value);
        case Operator::regex:
        case Operator::begins_with: return judge_string(node, value);
        case Operator::all: return has_all(node, value);
        case Operator::size: return has_size(node, value);
        case Operator::text: return true;
        default: return judge_comparison(node, value, order);
    }
}

}  // namespace

bool Selector::matches(std::string_view document) const {
    return !root_ || judge(*root_, JsonText(document), collated);
}

}  // namespace divan::storage::mango
