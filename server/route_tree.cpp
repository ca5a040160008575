#include "server/route_tree.h"

#include "server/allow.h"

namespace divan::server {
namespace {

// Calls `each` with every segment of a pattern, without its slashes.
template <class F>
void for_each_segment(std::string_view pattern, F each) {
    while (pattern.size() > 1) {
        pattern.remove_prefix(1);
        const auto end = std::min(pattern.find('/'), pattern.size());
        each(pattern.substr(0, end));
        pattern.remove_prefix(end);
    }
}

bool is_name(std::string_view segment) {
    return segment.starts_with('{');
}

bool takes_rest(std::string_view segment) {
    return segment.ends_with("...}");
}

}  // namespace

const Route* RouteGroup::find(std::string_view method) const {
    for (const auto* row : rows) {
        if (row->method == method || row->method == any_method) return row;
    }
    return nullptr;
}

Handler RouteGroup::before_refusal() const {
    const auto* row = find("");
    return row == nullptr ? nullptr : row->handler;
}

RouteTree::RouteTree(std::span<const Route> routes) {
    for (const auto& route : routes) {
        Node* node = &root_;
        bool rest = false;
        for_each_segment(route.pattern, [&](std::string_view segment) {
            DIVAN_CHECK(!rest);
            rest = is_name(segment) && takes_rest(segment);
            if (rest) return;
            auto& next = is_name(segment) ? node->any : node->literals[std::string(segment)];
            if (!next) next = std::make_unique<Node>();
            node = next.get();
        });
        auto& group = rest ? node->rest : node->here;
        if (!group) group = std::make_unique<RouteGroup>(RouteGroup{route.pattern, {}, {}});
        DIVAN_CHECK(group->pattern == route.pattern && group->find(route.method) == nullptr);
        group->rows.push_back(&route);
        if (!route.method.empty()) {
            group->allow += (group->allow.empty() ? "" : ",") + std::string(route.method);
        }
        const auto text = allow_text(route.pattern);
        if (!text.empty()) group->allow = text;
    }
}

const RouteGroup* RouteTree::find(std::span<const std::string> segments) const {
    return find_in(root_, segments);
}

// Patterns are a handful of segments deep, and only a name can lead further than a literal did, so
// the recursion is bounded by the patterns and not by the path.
const RouteGroup* RouteTree::find_in(const Node& node, std::span<const std::string> segments) {
    if (segments.empty()) return node.here.get();
    const auto rest = segments.subspan(1);
    const auto literal = node.literals.find(segments.front());
    if (literal != node.literals.end()) {
        const auto* group = find_in(*literal->second, rest);
        if (group != nullptr) return group;
    }
    if (node.any) {
        const auto* group = find_in(*node.any, rest);
        if (group != nullptr) return group;
    }
    return node.rest.get();
}

void RouteTree::take_values(const RouteGroup& group, std::span<const std::string> segments,
                            std::vector<std::pair<std::string_view, std::string>>& values) {
    std::size_t at = 0;
    for_each_segment(group.pattern, [&](std::string_view segment) {
        if (!is_name(segment)) {
            ++at;
            return;
        }
        if (!takes_rest(segment)) {
            values.emplace_back(segment.substr(1, segment.size() - 2), segments[at++]);
            return;
        }
        std::string joined = segments[at++];
        for (; at < segments.size(); ++at) joined.append("/").append(segments[at]);
        values.emplace_back(segment.substr(1, segment.size() - 5), std::move(joined));
    });
}

}  // namespace divan::server
