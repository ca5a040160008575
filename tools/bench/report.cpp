#include "tools/bench/report.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace divan::bench {
namespace {

namespace json = boost::json;

std::string rate_text(double rate) {
    return rate >= 100 ? fmt::format("{:.0f}", rate) : fmt::format("{:.1f}", rate);
}

std::string cpu_text(const std::optional<double>& microseconds) {
    if (!microseconds) return "?";
    return *microseconds >= 100 ? fmt::format("{:.0f}", *microseconds)
                                : fmt::format("{:.2f}", *microseconds);
}

std::string memory_text(const std::optional<std::uint64_t>& bytes) {
    if (!bytes) return "?";
    return fmt::format("{:.1f} MB", static_cast<double>(*bytes) / 1e6);
}

double ratio(const KindResult& result) {
    return result.figures[1].rate > 0 ? result.figures[0].rate / result.figures[1].rate : 0;
}

json::object figures_json(const Figures& figures, const Site& site) {
    json::object out;
    out["url"] = site.target().url;
    out["rate"] = figures.rate;
    out["rates"] = json::array(figures.rates.begin(), figures.rates.end());
    out["p50_ms"] = figures.p50_milliseconds;
    out["p99_ms"] = figures.p99_milliseconds;
    out["requests"] = figures.requests;
    out["client_cpu_us"] = figures.client_microseconds;
    if (figures.server_microseconds) out["server_cpu_us"] = *figures.server_microseconds;
    return out;
}

}  // namespace

void print_heading(const std::vector<std::unique_ptr<Site>>& sites) {
    for (std::size_t i = 0; i < sites.size(); ++i) {
        fmt::print("{}  {}  {}\n", i == 0 ? 'A' : 'B', sites[i]->target().url,
                   sites[i]->server().substr(0, 160));
    }
    fmt::print("\n{:<14} {:<7}", "kind", "unit");
    for (std::size_t i = 0; i < sites.size(); ++i) {
        fmt::print(" {:>10} {:>9} {:>9} {:>9}", i == 0 ? "A rate" : "B rate", "p50 ms", "p99 ms",
                   "CPU us");
    }
    if (sites.size() == 2) fmt::print(" {:>8}", "A / B");
    fmt::print("\n");
}

void print_row(const KindResult& result) {
    fmt::print("{:<14} {:<7}", result.kind->name, result.kind->unit);
    for (const Figures& figures : result.figures) {
        fmt::print(" {:>10} {:>9.3f} {:>9.3f} {:>9}", rate_text(figures.rate),
                   figures.p50_milliseconds, figures.p99_milliseconds,
                   cpu_text(figures.server_microseconds));
    }
    if (result.figures.size() == 2) fmt::print(" {:>7.2f}x", ratio(result));
    fmt::print("\n");
    std::fflush(stdout);
}

void print_memory(const std::vector<MemoryResult>& memory) {
    for (std::size_t i = 0; i < memory.size(); ++i) {
        fmt::print("{}  resident memory: {} at first, {} afterwards, idle\n", i == 0 ? 'A' : 'B',
                   memory_text(memory[i].at_first), memory_text(memory[i].afterwards));
    }
}

void write_json(const std::string& path, const Plan& plan,
                const std::vector<std::unique_ptr<Site>>& sites,
                const std::vector<KindResult>& results, const std::vector<MemoryResult>& memory) {
    json::array rows;
    for (const KindResult& result : results) {
        json::object row;
        row["kind"] = result.kind->name;
        row["about"] = result.kind->about;
        row["unit"] = result.kind->unit;
        row["clients"] = plan.clients > 0 ? plan.clients : result.kind->clients;
        json::array servers;
        for (std::size_t i = 0; i < sites.size(); ++i) {
            servers.push_back(figures_json(result.figures[i], *sites[i]));
        }
        row["servers"] = std::move(servers);
        if (sites.size() == 2) row["ratio"] = ratio(result);
        rows.push_back(std::move(row));
    }
    json::array servers;
    for (std::size_t i = 0; i < sites.size(); ++i) {
        json::object server{{"url", sites[i]->target().url}, {"welcome", sites[i]->server()}};
        if (memory[i].at_first) server["resident_bytes_at_first"] = *memory[i].at_first;
        if (memory[i].afterwards) server["resident_bytes_afterwards"] = *memory[i].afterwards;
        servers.push_back(std::move(server));
    }
    json::object all;
    all["cores"] = std::thread::hardware_concurrency();
    all["seconds"] = plan.seconds;
    all["rounds"] = plan.rounds;
    all["servers"] = std::move(servers);
    all["kinds"] = std::move(rows);

    std::ofstream file(path, std::ios::trunc);
    file << json::serialize(all) << '\n';
    file.close();
    if (!file) throw std::runtime_error(path + " cannot be written");
}

}  // namespace divan::bench
