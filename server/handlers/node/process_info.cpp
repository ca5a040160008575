#include "server/handlers/node/process_info.h"

#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace divan::server {
namespace {

/// The number after "name:" in one of the kernel's tables.
std::uint64_t field(const char* file, std::string_view name) {
    std::ifstream table(file);
    for (std::string line; std::getline(table, line);) {
        if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') {
            continue;
        }
        const auto digits = line.find_first_of("0123456789", name.size());
        if (digits == std::string::npos) return 0;
        std::uint64_t number = 0;
        std::from_chars(line.data() + digits, line.data() + line.size(), number);
        return number;
    }
    return 0;
}

std::uint64_t read_uptime() {
    std::ifstream stat("/proc/self/stat");
    std::string line;
    std::getline(stat, line);
    // The program's name in parentheses may have blanks; after it the start time is the 20th field.
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields(line.substr(name_end + 1));
    std::string skipped;
    for (int i = 0; i < 19; ++i) fields >> skipped;
    double start_ticks = 0;
    double machine_seconds = 0;
    fields >> start_ticks;
    std::ifstream("/proc/uptime") >> machine_seconds;
    const double seconds =
        machine_seconds - start_ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    return seconds > 0 ? static_cast<std::uint64_t>(seconds) : 0;
}

}  // namespace

ProcessInfo read_process_info() {
    ProcessInfo info;
    info.uptime_seconds = read_uptime();
    info.resident_bytes = field("/proc/self/status", "VmRSS") * 1024;
    info.resident_bytes_max = field("/proc/self/status", "VmHWM") * 1024;
    info.threads = field("/proc/self/status", "Threads");
    info.read_bytes = field("/proc/self/io", "rchar");
    info.written_bytes = field("/proc/self/io", "wchar");
    rusage usage{};
    if (::getrusage(RUSAGE_SELF, &usage) == 0) {
        info.context_switches = static_cast<std::uint64_t>(usage.ru_nvcsw + usage.ru_nivcsw);
    }
    return info;
}

}  // namespace divan::server
