#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/routes.h"

namespace divan::server {

/// All rows of one pattern.
struct RouteGroup {
    std::string_view pattern;
    std::vector<const Route*> rows;  ///< In the table's order.
    std::string allow;               ///< Of a 405.

    const Route* find(std::string_view method) const;
    /// What has to be as it should before a 405 is given; null for nothing.
    Handler before_refusal() const;
};

/// The route table by path segment, made once, so that a look-up costs the path's length and not
/// the table's. Literal segments win over names, and those over `{name...}`, as far to the left as
/// they differ.
class RouteTree {
public:
    explicit RouteTree(std::span<const Route> routes);

    /// Null where no pattern fits the path.
    const RouteGroup* find(std::span<const std::string> segments) const;
    /// What the group's pattern's names stand for in `segments`.
    static void take_values(const RouteGroup& group, std::span<const std::string> segments,
                            std::vector<std::pair<std::string_view, std::string>>& values);

private:
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
        std::unique_ptr<Node> any;
        std::unique_ptr<RouteGroup> here;
        std::unique_ptr<RouteGroup> rest;
    };

    static const RouteGroup* find_in(const Node& node, std::span<const std::string> segments);

    Node root_;
};

}  // namespace divan::server
