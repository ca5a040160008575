#include "tools/bench/process.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace divan::bench {
namespace {

namespace fs = std::filesystem;

std::set<std::string> sockets_listening_on(std::uint16_t port) {
    const std::string wanted = fmt::format(":{:04X}", port);
    std::set<std::string> sockets;
    for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream lines(table);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream fields(line);
            std::string number, local, remote, state, queues, timer, retries, user, timeout, inode;
            fields >> number >> local >> remote >> state >> queues >> timer >> retries >> user >>
                timeout >> inode;
            if (state == "0A" && local.ends_with(wanted)) {
                sockets.insert(fmt::format("socket:[{}]", inode));
            }
        }
    }
    return sockets;
}

std::optional<int> number_of(const std::string& text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::vector<int> all_processes() {
    std::vector<int> found;
    std::error_code ignored;  // Processes come and go while we look.
    for (fs::directory_iterator at("/proc", ignored), end; at != end; at.increment(ignored)) {
        if (const auto process = number_of(at->path().filename().string())) {
            found.push_back(*process);
        }
    }
    return found;
}

struct Stat {
    int parent = 0;
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
};

// proc(5): the name may hold anything, so the fields are counted from the last ')'.
std::optional<Stat> stat_of(int process) {
    std::ifstream file(fmt::format("/proc/{}/stat", process));
    std::string text;
    if (!std::getline(file, text)) return std::nullopt;
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream rest(text.substr(name_end + 1));
    std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
    if (fields.size() < 22) return std::nullopt;
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    Stat stat;
    stat.parent = number_of(fields[1]).value_or(0);
    stat.cpu_seconds = (std::stod(fields[11]) + std::stod(fields[12])) / ticks;
    stat.resident_bytes =
        std::stoull(fields[21]) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return stat;
}

}  // namespace

std::optional<int> process_listening_on(std::uint16_t port) {
    const std::set<std::string> sockets = sockets_listening_on(port);
    if (sockets.empty()) return std::nullopt;
    for (const int process : all_processes()) {
        std::error_code ignored;
        const std::string folder = fmt::format("/proc/{}/fd", process);
        for (fs::directory_iterator at(folder, ignored), end; at != end; at.increment(ignored)) {
            const auto link = fs::read_symlink(at->path(), ignored);
            if (!ignored && sockets.count(link.string()) > 0) return process;
        }
    }
    return std::nullopt;
}

std::optional<ProcessUsage> usage_of(int process) {
    const auto own = stat_of(process);
    if (!own) return std::nullopt;
    ProcessUsage usage{own->cpu_seconds, own->resident_bytes};
    std::set<int> family{process};
    bool grown = true;
    const std::vector<int> everyone = all_processes();
    while (std::exchange(grown, false)) {
        for (const int other : everyone) {
            if (family.count(other) > 0) continue;
            const auto stat = stat_of(other);
            if (!stat || family.count(stat->parent) == 0) continue;
            family.insert(other);
            usage.cpu_seconds += stat->cpu_seconds;
            usage.resident_bytes += stat->resident_bytes;
            grown = true;
        }
    }
    return usage;
}

double own_cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace divan::bench
