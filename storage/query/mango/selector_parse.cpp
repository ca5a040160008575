#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "storage/query/erlang_text.h"
#include "storage/query/mango/selector.h"

// A selector is read in three passes, those of mango_selector.erl: operators are made explicit
// (`{"a":1}` is `{"a":{"$eq":1}}`, two members are an `$and`), field names move down to the
// operators (so that `{"a":{"b":{"$gt":1}}}` is one condition on "a.b"), negations too.

namespace divan::storage::mango {
namespace {

using Operator = SelectorNode::Operator;

constexpr std::array<std::pair<std::string_view, Operator>, 23> operators = {{
    {"$and", Operator::all_of},
    {"$or", Operator::any_of},
    {"$nor", Operator::none_of},
    {"$not", Operator::negated},
    {"$elemMatch", Operator::element},
    {"$allMatch", Operator::every_element},
    {"$keyMapMatch", Operator::any_key},
    {"$lt", Operator::less},
    {"$lte", Operator::less_or_equal},
    {"$eq", Operator::equal},
    {"$ne", Operator::not_equal},
    {"$gte", Operator::greater_or_equal},
    {"$gt", Operator::greater},
    {"$in", Operator::in},
    {"$nin", Operator::not_in},
    {"$exists", Operator::exists},
    {"$type", Operator::type},
    {"$mod", Operator::modulo},
    {"$regex", Operator::regex},
    {"$all", Operator::all},
    {"$size", Operator::size},
    {"$beginsWith", Operator::begins_with},
    {"$text", Operator::text},
}};
constexpr std::array<std::string_view, 5> unsupported = {"$where", "$geoWithin", "$geoIntersects",
                                                         "$near", "$nearSphere"};

[[noreturn]] void refuse(std::string_view name, std::string reason) {
    throw Refused(Error{Code::bad_request, std::move(reason), std::string(name)});
}

[[noreturn]] void refuse_argument(std::string_view op, const JsonValue& argument) {
    refuse("bad_arg",
           fmt::format("Bad argument for operator {}: {}", op, erlang_w(argument)));
}

SelectorNode read(const JsonValue& condition);

SelectorNode leaf(Operator op, const JsonValue& argument) {
    SelectorNode node;
    node.op = op;
    node.argument = argument;
    node.argument_text = argument.dump();
    return node;
}

/// `$and`, `$or`, `$nor`.
SelectorNode read_list(Operator op, std::string_view name, const JsonValue& argument) {
    if (!argument.is_array()) refuse_argument(name, argument);
    SelectorNode node;
    node.op = op;
    for (const auto& item : argument.items()) node.children.push_back(read(item));
    return node;
}

/// `$not`, `$elemMatch`, `$allMatch`, `$keyMapMatch`.
SelectorNode read_nested(Operator op, std::string_view name, const JsonValue& argument) {
    if (!argument.is_object()) refuse_argument(name, argument);
    SelectorNode node;
    node.op = op;
    node.children.push_back(read(argument));
    return node;
}

/// `$in`, `$nin`, `$all`.
SelectorNode read_choices(Operator op, std::string_view name, const JsonValue& argument) {
    if (!argument.is_array()) refuse_argument(name, argument);
    auto node = leaf(op, argument);
    for (const auto& item : argument.items()) node.choices.push_back(item.dump());
    return node;
}

SelectorNode read_modulo(std::string_view name, const JsonValue& argument) {
    const auto items = argument.items();
    const bool pair = argument.is_array() && items.size() == 2;
    const auto divisor = pair ? items[0].integer() : std::nullopt;
    const auto remainder = pair ? items[1].integer() : std::nullopt;
    if (!divisor || !remainder) refuse_argument(name, argument);
    auto node = leaf(Operator::modulo, argument);
    node.divisor = *divisor;
    node.remainder = *remainder;
    return node;
}

SelectorNode read_regex(std::string_view name, const JsonValue& argument) {
    auto node = leaf(Operator::regex, argument);
    node.expression = Regex::compile(argument.string());
    if (!node.expression) refuse_argument(name, argument);
    return node;
}

/// What each other operator takes; `equal` and its like take anything.
bool takes(Operator op, const JsonValue& argument) {
    switch (op) {
        case Operator::exists: return argument.is_bool();
        case Operator::type: return argument.is_string();
        case Operator::size: return argument.integer().value_or(-1) >= 0;
        case Operator::text:
            return argument.is_string() || argument.is_number() || argument.is_bool();
        default: return true;
    }
}

SelectorNode read_operator(Operator op, std::string_view name, const JsonValue& argument) {
    switch (op) {
        case Operator::all_of:
        case Operator::any_of:
        case Operator::none_of: return read_list(op, name, argument);
        case Operator::negated:
        case Operator::element:
        case Operator::every_element:
        case Operator::any_key: return read_nested(op, name, argument);
        case Operator::in:
        case Operator::not_in:
        case Operator::all: return read_choices(op, name, argument);
        case Operator::modulo: return read_modulo(name, argument);
        // These two are known only with a string: anything else is no such operator.
        case Operator::regex:
        case Operator::begins_with:
            if (!argument.is_string()) {
                refuse("invalid_operator", fmt::format("Invalid operator: {}", name));
            }
            return op == Operator::regex ? read_regex(name, argument) : leaf(op, argument);
        default:
            if (!takes(op, argument)) refuse_argument(name, argument);
            return leaf(op, argument);
    }
}

SelectorNode read_member(const std::string& name, const JsonValue& argument) {
    if (name.empty() || name.front() != '$') {
        SelectorNode node;
        node.op = Operator::field;
        // An empty name counts as none: the refusal comes when all names are joined.
        if (!name.empty()) node.path = parse_field(name).value();
        node.name = name;
        node.children.push_back(read(argument));
        return node;
    }
    if (std::find(unsupported.begin(), unsupported.end(), name) != unsupported.end()) {
        refuse("not_supported", fmt::format("Unsupported operator: {}", name));
    }
    const auto* const known = std::find_if(operators.begin(), operators.end(),
                                           [&](const auto& row) { return row.first == name; });
    if (known == operators.end()) {
        refuse("invalid_operator", fmt::format("Invalid operator: {}", name));
    }
    return read_operator(known->second, name, argument);
}

SelectorNode read(const JsonValue& condition) {
    const auto members = condition.members();
    if (!condition.is_object() || members.empty()) return leaf(Operator::equal, condition);
    if (members.size() == 1) return read_member(members[0].first, members[0].second);
    SelectorNode node;
    node.op = Operator::all_of;
    for (const auto& [name, argument] : members) {
        node.children.push_back(read_member(name, argument));
    }
    return node;
}

/// The names of the objects around a condition.
struct Around {
    FieldPath path;
    std::string name;
    bool nameless = false;  ///< One within another has an empty name: "a." is no field.
};

SelectorNode within(const Around& around, SelectorNode node) {
    if (around.nameless) {
        refuse("invalid_field_name", fmt::format("Invalid field name: {}", around.name));
    }
    SelectorNode field;
    field.op = Operator::field;
    field.path = around.path;
    field.name = around.name;
    field.children.push_back(std::move(node));
    return field;
}

/// `$text` is a condition on a field of this name, and nowhere else.
std::string text_condition_json(const SelectorNode& node) {
    return R"({"$default":{"$text":)" + node.argument_text + "}}";
}

std::string text_condition(const SelectorNode& node) {
    return erlang_w(parse_json(text_condition_json(node)).value());
}

SelectorNode push_fields(SelectorNode node, const Around& around) {
    switch (node.op) {
        case Operator::all_of:
        case Operator::any_of:
        case Operator::none_of:
        case Operator::negated:
            for (auto& child : node.children) child = push_fields(std::move(child), around);
            return node;
        case Operator::field: {
            Around whole = around;
            whole.path.insert(whole.path.end(), node.path.begin(), node.path.end());
            if (!whole.name.empty()) {
                whole.name.push_back('.');
                whole.nameless = whole.nameless || node.name.empty();
            }
            whole.name += node.name;
            auto child = std::move(node.children.front());
            return push_fields(std::move(child), whole);
        }
        case Operator::element:
        case Operator::every_element:
        case Operator::any_key:
            node.children.front() = push_fields(std::move(node.children.front()), {});
            return within(around, std::move(node));
        case Operator::text:
            if (!around.path.empty()) {
                refuse("bad_field",
                       "Invalid field normalization on selector: " + text_condition(node));
            }
            return node;
        default: return within(around, std::move(node));
    }
}

SelectorNode push_negations(SelectorNode node);

SelectorNode negate(SelectorNode node) {
    const auto turned = [&](Operator op) {
        node.op = op;
        return std::move(node);
    };
    switch (node.op) {
        case Operator::negated: return push_negations(std::move(node.children.front()));
        case Operator::none_of:
            for (auto& child : node.children) child = push_negations(std::move(child));
            return turned(Operator::any_of);
        case Operator::all_of:
        case Operator::any_of:
            for (auto& child : node.children) child = negate(std::move(child));
            return turned(node.op == Operator::all_of ? Operator::any_of : Operator::all_of);
        case Operator::field:
            node.children.front() = negate(std::move(node.children.front()));
            return node;
        case Operator::less: return turned(Operator::greater_or_equal);
        case Operator::less_or_equal: return turned(Operator::greater);
        case Operator::equal: return turned(Operator::not_equal);
        case Operator::not_equal: return turned(Operator::equal);
        case Operator::greater_or_equal: return turned(Operator::less);
        case Operator::greater: return turned(Operator::less_or_equal);
        case Operator::in: return turned(Operator::not_in);
        case Operator::not_in: return turned(Operator::in);
        case Operator::exists: {
            const bool exists = node.argument.boolean();
            return leaf(Operator::exists, parse_json(exists ? "false" : "true").value());
        }
        case Operator::text:
            refuse("bad_arg", "Bad argument for operator $not: " + text_condition(node));
        default: {
            SelectorNode negated;
            negated.op = Operator::negated;
            negated.children.push_back(std::move(node));
            return negated;
        }
    }
}

SelectorNode push_negations(SelectorNode node) {
    switch (node.op) {
        case Operator::negated: return negate(std::move(node.children.front()));
        case Operator::none_of:
            for (auto& child : node.children) child = negate(std::move(child));
            node.op = Operator::all_of;
            return node;
        case Operator::all_of:
        case Operator::any_of:
            for (auto& child : node.children) child = push_negations(std::move(child));
            return node;
        // norm_negations/1 does not look below a field: a negation inside `$elemMatch` stays
        // where it is, and is judged when the element is.
        default: return node;
    }
}

void append_node(std::string& out, const SelectorNode& node) {
    if (node.op == Operator::text) {
        out += text_condition_json(node);
        return;
    }
    out.push_back('{');
    if (node.op == Operator::field) {
        append_json_string(out, node.name);
    } else {
        const auto* const named =
            std::find_if(operators.begin(), operators.end(),
                         [&](const auto& row) { return row.second == node.op; });
        append_json_string(out, named->first);
    }
    out.push_back(':');
    const bool list = node.op == Operator::all_of || node.op == Operator::any_of ||
                      node.op == Operator::none_of;
    if (list) out.push_back('[');
    for (std::size_t i = 0; i < node.children.size(); ++i) {
        if (i > 0) out.push_back(',');
        append_node(out, node.children[i]);
    }
    if (list) out.push_back(']');
    if (!list && node.children.empty()) out += node.argument_text;
    out.push_back('}');
}

}  // namespace

std::string Selector::text() const {
    if (!root_) return "{}";
    std::string out;
    append_node(out, *root_);
    return out;
}

Result<Selector> Selector::parse(const JsonValue& selector) {
    if (!selector.is_object()) {
        return Error{Code::bad_request,
                     fmt::format("Selector must be a JSON object, not: {}", erlang_w(selector)),
                     "invalid_selector_json"};
    }
    Selector parsed;
    if (selector.members().empty()) return parsed;
    try {
        parsed.root_ = push_negations(push_fields(read(selector), {}));
    } catch (const Refused& refused) {
        return refused.error();
    }
    if (parsed.root_->op == Operator::field && parsed.root_->path.empty()) {
        return Error{Code::bad_request, "One or more conditions is missing a field name.",
                     "invalid_selector"};
    }
    return parsed;
}

}  // namespace divan::storage::mango
