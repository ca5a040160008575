#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/kinds.h"
#include "tools/bench/site.h"

namespace divan::bench {

/// How long, how often.
struct Plan {
    double seconds = 5;     ///< A kind and a server, all rounds together.
    int rounds = 5;         ///< The servers take turns: the machine's moods hit all of them.
    std::size_t clients = 0;  ///< Instead of the kind's own number; 0 is that.
};

/// What a kind of work came to on one server.
struct Figures {
    std::vector<double> rates;      ///< One a round, in the kind's unit.
    double rate = 0;                ///< Their median.
    double p50_milliseconds = 0;
    double p99_milliseconds = 0;
    std::uint64_t requests = 0;
    double client_microseconds = 0;                 ///< Our own CPU time an item.
    std::optional<double> server_microseconds;      ///< The server's CPU time an item.
};

/// One kind on every site; as many figures as sites. `progress` is told what is running.
std::vector<Figures> run_kind(const Kind& kind, const Plan& plan,
                              std::vector<std::unique_ptr<Site>>& sites,
                              const std::function<void(const std::string&)>& progress);

}  // namespace divan::bench
