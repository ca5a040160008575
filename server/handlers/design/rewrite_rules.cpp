#include "server/handlers/design/rewrite_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace divan::server {
namespace {

/// A segment of a rule's path: text, a name that is bound, or all that is left.
struct Part {
    enum class Kind : std::uint8_t { text, name, rest };
    Kind kind;
    std::string text;
};

/// Names and what they stand for. The first of a name counts.
using Bindings = std::vector<std::pair<std::string, JsonValue>>;

const JsonValue* find(const Bindings& bindings, std::string_view name) {
    const auto found = std::find_if(bindings.begin(), bindings.end(),
                                    [&](const auto& one) { return one.first == name; });
    return found == bindings.end() ? nullptr : &found->second;
}

JsonValue text_value(std::string_view text) {
    return parse_json(json_string(text)).value();
}

std::string plain_text(const JsonValue& value) {
    return value.is_string() ? value.string() : value.dump();
}

/// Parameters whose values are JSON.
bool is_key(std::string_view name) {
    constexpr auto keys = std::to_array<std::string_view>(
        {"key", "startkey", "start_key", "endkey", "end_key", "keys"});
    return std::find(keys.begin(), keys.end(), name) != keys.end();
}

Part part_of(std::string_view segment) {
    if (segment == "*") return {Part::Kind::rest, {}};
    if (segment.starts_with(':')) return {Part::Kind::name, std::string(segment.substr(1))};
    return {Part::Kind::text, std::string(segment)};
}

std::vector<Part> parts_of(std::string_view path, bool secure) {
    constexpr int levels_up_max = 2;
    std::vector<Part> parts;
    int levels_up = 0;
    while (!path.empty()) {
        const auto slash = std::min(path.find('/'), path.size());
        const auto segment = path.substr(0, slash);
        path.remove_prefix(std::min(slash + 1, path.size()));
        if (segment.empty()) continue;
        if (segment == ".." && ++levels_up > levels_up_max && secure) {
            throw Refused(
                Error{Code::internal_error, "too many ../.. segments", "insecure_rewrite_rule"});
        }
        parts.push_back(part_of(segment));
    }
    return parts;
}

struct Match {
    Bindings bindings;
    std::span<const std::string> rest;
};

std::optional<Match> match_path(const std::vector<Part>& from, std::span<const std::string> path) {
    Match match;
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (from[i].kind == Part::Kind::rest && i + 1 == from.size()) {
            match.rest = path.subspan(std::min(i, path.size()));
            return match;
        }
        if (i >= path.size()) return std::nullopt;
        if (from[i].kind == Part::Kind::text) {
            if (from[i].text != path[i]) return std::nullopt;
        } else {
            const auto name = from[i].kind == Part::Kind::rest ? std::string("*") : from[i].text;
            match.bindings.insert(match.bindings.begin(), {name, text_value(path[i])});
        }
    }
    if (path.size() > from.size()) return std::nullopt;
    return match;
}

/// `formats` makes an integer or a boolean of a text.
JsonValue formatted(const JsonValue& value, const JsonValue* format) {
    if (format == nullptr || !value.is_string()) return value;
    const auto& text = value.string();
    if (format->string() == "int") {
        std::int64_t number = 0;
        const auto end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, number);
        if (parsed.ec == std::errc() && parsed.ptr == end) {
            return parse_json(std::to_string(number)).value();
        }
    } else if (format->string() == "bool") {
        std::string lower = text;
        for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (lower == "true" || lower == "false") return parse_json(lower).value();
    }
    return value;
}

/// What ":name" and "*" stand for; other texts stand for themselves.
JsonValue replaced(const JsonValue& value, const Bindings& bindings, const JsonValue* formats) {
    if (!value.is_string()) return value;
    const auto& text = value.string();
    if (text != "*" && !text.starts_with(':')) return value;
    const auto name = text == "*" ? text : text.substr(1);
    const auto* bound = find(bindings, name);
    return formatted(bound != nullptr ? *bound : value, formats ? formats->find(name) : nullptr);
}

JsonValue replaced_deep(const JsonValue& value, const Bindings& bindings,
                        const JsonValue* formats) {
    if (!value.is_array()) return replaced(value, bindings, formats);
    std::string items = "[";
    for (const auto& item : value.items()) {
        if (items.size() > 1) items += ',';
        const bool star = item.is_string() && item.string() == "*";
        (star ? item : replaced(item, bindings, formats)).dump_to(items);
    }
    return parse_json(items + "]").value();
}

/// The request's own parameters come after what the path has bound.
void add_query(Bindings& bindings, std::span<const QueryParameter> query) {
    for (const auto& [name, value] : query) {
        bindings.emplace_back(name, is_key(name) ? parse_json(value).value() : text_value(value));
    }
}

/// All that is known, the rule's own parameters over the others.
Bindings final_bindings(const JsonValue& rule, const Bindings& bound) {
    Bindings own;
    if (const auto* query = rule.find("query")) {
        const auto* formats = rule.find("formats");
        for (const auto& [name, value] : query->members()) {
            own.insert(own.begin(), {name, replaced_deep(value, bound, formats)});
        }
    }
    Bindings all;
    for (const auto& one : bound) {
        if (find(own, one.first) == nullptr) all.push_back(one);
    }
    all.insert(all.end(), own.begin(), own.end());
    return all;
}

std::string path_to(const std::vector<Part>& to, const Match& match, const Bindings& bindings) {
    std::string path;
    const auto add = [&](std::string_view segment) {
        if (!path.empty()) path += '/';
        path += url_quote(segment);
    };
    for (const auto& part : to) {
        if (part.kind == Part::Kind::rest) {
            for (const auto& segment : match.rest) add(segment);
            break;
        }
        if (part.kind == Part::Kind::text) {
            add(part.text);
        } else {
            const auto* bound = find(bindings, part.text);
            add(bound != nullptr ? plain_text(*bound) : "undefined");
        }
    }
    return path;
}

std::string query_of(const Bindings& bindings) {
    std::string query;
    for (auto one = bindings.rbegin(); one != bindings.rend(); ++one) {
        const auto& [name, value] = *one;
        if (name == "*") continue;
        query += query.empty() ? '?' : '&';
        query += url_quote(name) + '=' + url_quote(is_key(name) ? value.dump() : plain_text(value));
    }
    return query;
}

bool takes_method(const JsonValue& rule, std::string_view method) {
    const auto* wanted = rule.find("method");
    return wanted == nullptr || wanted->string() == "*" || wanted->string() == method;
}

}  // namespace

std::optional<std::string> apply_rewrite_rules(const JsonValue& rules,
                                               const RewriteRequest& request, bool secure) {
    for (const auto& rule : rules.items()) {
        if (!rule.is_object()) continue;
        const auto* to = rule.find("to");
        if (to == nullptr || !to->is_string()) {
            throw Refused(Error{Code::internal_error, "invalid_rewrite_target", "error"});
        }
        const auto to_parts = parts_of(to->string(), secure);
        const auto* from = rule.find("from");
        const auto from_parts = parts_of(from != nullptr ? from->string() : "*", secure);
        if (!takes_method(rule, request.method)) continue;
        auto match = match_path(from_parts, request.path);
        if (!match) continue;
        add_query(match->bindings, request.query);
        const auto bindings = final_bindings(rule, match->bindings);
        return path_to(to_parts, *match, bindings) + query_of(bindings);
    }
    return std::nullopt;
}

std::string join_rewritten(std::string_view prefix, std::string_view target) {
    const auto query = std::min(target.find('?'), target.size());
    const std::string whole = std::string(prefix) + "/" + std::string(target.substr(0, query));
    std::vector<std::string_view> segments;
    std::string_view rest = whole;
    while (!rest.empty()) {
        const auto slash = std::min(rest.find('/'), rest.size());
        const auto segment = rest.substr(0, slash);
        rest.remove_prefix(std::min(slash + 1, rest.size()));
        if (segment == "..") {
            if (!segments.empty()) segments.pop_back();
        } else if (!segment.empty() && segment != ".") {
            segments.push_back(segment);
        }
    }
    std::string path;
    for (const auto segment : segments) path.append("/").append(segment);
    return (path.empty() ? "/" : path) + std::string(target.substr(query));
}

}  // namespace divan::server
