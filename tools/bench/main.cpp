// divan-bench: how fast a CouchDB-compatible server is, alone or next to another one.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <thread>

#include "tools/bench/process.h"
#include "tools/bench/report.h"
#include "tools/bench/runner.h"

namespace divan::bench {
namespace {

struct Arguments {
    std::vector<std::string> urls;
    std::vector<std::string> only;
    std::vector<int> processes;
    std::string json_path;
    Sizes sizes;
    Plan plan;
    bool list = false;
};

void describe(CLI::App& app, Arguments& arguments) {
    app.add_option("url", arguments.urls, "http://name:password@host:port of one server or two")
        ->expected(1, 2);
    app.add_option("--only", arguments.only, "only these kinds of work (see --list)");
    app.add_option("--seconds", arguments.plan.seconds, "a kind and a server")
        ->check(CLI::Range(0.05, 3600.0))->capture_default_str();
    app.add_option("--rounds", arguments.plan.rounds, "in which the servers take turns")
        ->check(CLI::Range(1, 1000))->capture_default_str();
    app.add_option("--clients", arguments.plan.clients, "instead of each kind's own number")
        ->check(CLI::Range(1, 10000));
    app.add_option("--docs", arguments.sizes.documents, "documents in the database that is read")
        ->check(CLI::Range(100, 10000000))->capture_default_str();
    app.add_option("--doc-bytes", arguments.sizes.document_bytes, "of one document")
        ->check(CLI::Range(200, 1000000))->capture_default_str();
    app.add_option("--file-bytes", arguments.sizes.attachment_bytes, "of one attachment")
        ->check(CLI::Range(1, 1 << 30))->capture_default_str();
    app.add_option("--pid", arguments.processes,
                   "the servers' processes, where the port does not tell");
    app.add_option("--json", arguments.json_path, "also write all figures to this file");
    app.add_flag("--list", arguments.list, "show the kinds of work");
}

void print_kinds() {
    for (const Kind& kind : kinds()) {
        fmt::print("{:<14} {} ({} client{})\n", kind.name, kind.about, kind.clients,
                   kind.clients == 1 ? "" : "s");
    }
}

// Names that are no kind are refused: a typing error must not look like a quick run.
std::vector<const Kind*> chosen_kinds(const std::vector<std::string>& names) {
    std::vector<const Kind*> chosen;
    for (const std::string& name : names) {
        const auto all = kinds();
        const auto found = std::find_if(all.begin(), all.end(),
                                        [&](const Kind& kind) { return kind.name == name; });
        if (found == all.end()) {
            throw std::invalid_argument(fmt::format("{}: no such kind; --list shows them", name));
        }
        chosen.push_back(&*found);
    }
    if (names.empty()) {
        for (const Kind& kind : kinds()) chosen.push_back(&kind);
    }
    return chosen;
}

void show_progress(const std::string& text) {
    if (::isatty(STDERR_FILENO) == 0) return;
    fmt::print(stderr, "\r\x1b[K{}", text);
    std::fflush(stderr);
}

std::vector<MemoryResult> measure_memory(const std::vector<std::unique_ptr<Site>>& sites) {
    std::vector<MemoryResult> memory;
    for (const auto& site : sites) {
        MemoryResult result{site->memory_at_first(), std::nullopt};
        if (site->process()) {
            if (const auto usage = usage_of(*site->process())) {
                result.afterwards = usage->resident_bytes;
            }
        }
        memory.push_back(result);
    }
    return memory;
}

void run(const Arguments& arguments) {
    const std::vector<const Kind*> chosen = chosen_kinds(arguments.only);
    std::vector<std::unique_ptr<Site>> sites;
    for (std::size_t i = 0; i < arguments.urls.size(); ++i) {
        std::optional<int> process;
        if (i < arguments.processes.size()) process = arguments.processes[i];
        sites.push_back(std::make_unique<Site>(arguments.urls[i], arguments.sizes, process));
    }
    print_heading(sites);
    std::vector<KindResult> results;
    for (const Kind* kind : chosen) {
        KindResult result{kind, run_kind(*kind, arguments.plan, sites, show_progress)};
        show_progress("");
        print_row(result);
        results.push_back(std::move(result));
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const std::vector<MemoryResult> memory = measure_memory(sites);
    print_memory(memory);
    if (!arguments.json_path.empty()) {
        write_json(arguments.json_path, arguments.plan, sites, results, memory);
    }
}

}  // namespace
}  // namespace divan::bench

int main(int argc, char** argv) {
    CLI::App app("Measures a CouchDB-compatible server: rates, latencies and what an operation "
                 "costs the server's CPU. With two servers they take turns, and the ratio is "
                 "shown.");
    divan::bench::Arguments arguments;
    divan::bench::describe(app, arguments);
    CLI11_PARSE(app, argc, argv);
    try {
        if (arguments.list) {
            divan::bench::print_kinds();
            return 0;
        }
        if (arguments.urls.empty()) throw std::invalid_argument("which server? (--help)");
        divan::bench::run(arguments);
        return 0;
    } catch (const std::exception& failure) {
        fmt::print(stderr, "divan-bench: {}\n", failure.what());
        return 1;
    }
}
