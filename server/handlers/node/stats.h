#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/services.h"

namespace divan::server {

/// One number of `_node/_local/_stats`, under CouchDB's name of it.
struct Stat {
    std::vector<std::string> path;  ///< {"couchdb", "httpd", "requests"}
    std::string meaning;
    std::uint64_t value = 0;
    bool gauge = false;  ///< May fall. CouchDB calls it a counter all the same.
};

std::vector<Stat> read_stats(const Services& services);

/// The object that `_stats` answers, or what of it stands at `path`; "null" where nothing does.
std::string stats_json(const std::vector<Stat>& stats, const std::vector<std::string>& path);

/// The same numbers, and those of the process, in Prometheus' text format.
std::string prometheus_text(const std::vector<Stat>& stats);

/// The object that `_system` answers: what the operating system says of this process.
std::string system_json();

}  // namespace divan::server
