#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request.h"

namespace divan::server {

class Config;

/// `[vhosts]`: what is asked of a host is asked of a path instead. A rule is `host[:port][/path] =
/// /target`; parts of the host may be names (":db") or, at the front, "*", and so may the target's.
/// As couch_httpd_vhost has it. Immutable: any thread.
class VirtualHosts {
public:
    explicit VirtualHosts(const Config& config);

    /// Makes the request one for the path, where a rule fits its host (X-Forwarded-Host first).
    /// The header `x-couchdb-vhost-path` then has what was asked for within it.
    void apply(Request& request) const;

private:
    struct Rule {
        std::vector<std::string> host;  ///< Its parts, the last first.
        std::optional<std::uint32_t> port;
        std::vector<std::string> path;
        std::vector<std::string> target;
    };
    static Rule read_rule(std::string_view address, std::string_view target);
    struct Target {
        std::string path;    ///< What the rule leads to.
        std::string within;  ///< The rest of what was asked for.
    };
    static std::optional<Target> target_of(const Rule& rule, std::string_view host,
                                           const std::vector<std::string>& path);

    std::vector<Rule> rules_;  ///< In the order in which they are tried.
};

}  // namespace divan::server
