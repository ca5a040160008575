#include "tools/bench/runner.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/bench/process.h"

namespace divan::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds warm_up{200};

// What the rounds of one site add up to.
struct Sum {
    Samples samples;
    std::vector<double> rates;
    double server_seconds = 0;
    double client_seconds = 0;
    bool server_known = true;
};

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::optional<double> server_seconds(const Site& site) {
    if (!site.process()) return std::nullopt;
    const auto usage = usage_of(*site.process());
    if (!usage) return std::nullopt;
    return usage->cpu_seconds;
}

void run_slice(const Kind& kind, std::size_t clients, std::chrono::nanoseconds time, Site& site,
               Samples& samples) {
    const Limits limits{Clock::now() + time, kind.requests_max};
    const auto work = kind.make(site, limits, clients, samples);
    run_load(site.target(), clients, *work);
}

void run_round(const Kind& kind, std::size_t clients, std::chrono::nanoseconds time, Site& site,
               Sum& sum) {
    const double items_before = sum.samples.items;
    const auto server_before = server_seconds(site);
    const double client_before = own_cpu_seconds();
    const auto start = Clock::now();
    run_slice(kind, clients, time, site, sum.samples);
    const double elapsed = seconds_since(start);
    sum.client_seconds += own_cpu_seconds() - client_before;
    const auto server_after = server_seconds(site);
    if (server_before && server_after) {
        sum.server_seconds += *server_after - *server_before;
    } else {
        sum.server_known = false;
    }
    sum.rates.push_back((sum.samples.items - items_before) / elapsed);
}

double percentile(std::vector<std::chrono::nanoseconds>& latencies, double share) {
    if (latencies.empty()) return 0;
    const auto at = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1));
    const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(at);
    std::nth_element(latencies.begin(), middle, latencies.end());
    return std::chrono::duration<double, std::milli>(*middle).count();
}

double median(std::vector<double> values) {
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    const std::size_t half = values.size() / 2;
    return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Figures figures_of(Sum& sum) {
    Figures figures;
    figures.rates = sum.rates;
    figures.rate = median(sum.rates);
    figures.p50_milliseconds = percentile(sum.samples.latencies, 0.50);
    figures.p99_milliseconds = percentile(sum.samples.latencies, 0.99);
    figures.requests = sum.samples.latencies.size();
    if (sum.samples.items > 0) {
        figures.client_microseconds = sum.client_seconds * 1e6 / sum.samples.items;
        if (sum.server_known) {
            figures.server_microseconds = sum.server_seconds * 1e6 / sum.samples.items;
        }
    }
    return figures;
}

}  // namespace

std::vector<Figures> run_kind(const Kind& kind, const Plan& plan,
                              std::vector<std::unique_ptr<Site>>& sites,
                              const std::function<void(const std::string&)>& progress) {
    const std::size_t clients = plan.clients > 0 ? plan.clients : kind.clients;
    const auto time = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(plan.seconds / plan.rounds));
    std::vector<Sum> sums(sites.size());
    for (const auto& site : sites) {
        progress(fmt::format("{}: preparing {}", kind.name, site->target().url));
        Samples unused;
        run_slice(kind, clients, std::min<std::chrono::nanoseconds>(warm_up, time), *site, unused);
    }
    for (int round = 0; round < plan.rounds; ++round) {
        for (std::size_t i = 0; i < sites.size(); ++i) {
            const std::size_t turn = (i + static_cast<std::size_t>(round)) % sites.size();
            progress(fmt::format("{}: round {} of {}, {}", kind.name, round + 1, plan.rounds,
                                 sites[turn]->target().url));
            run_round(kind, clients, time, *sites[turn], sums[turn]);
        }
    }
    for (const auto& site : sites) site->check_acknowledged();

    std::vector<Figures> all;
    for (Sum& sum : sums) all.push_back(figures_of(sum));
    return all;
}

}  // namespace divan::bench
