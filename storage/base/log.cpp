#include "storage/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

namespace divan {
namespace {

std::atomic<LogLevel> current_level{LogLevel::info};

/// Made at the first line and never destroyed: threads may log until the process is gone.
spdlog::logger& logger() {
    static spdlog::logger* const instance = [] {
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        auto* made = new spdlog::logger("divan", std::move(sink));
        made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc);
        made->set_level(spdlog::level::trace);  // `log` has filtered already.
        made->flush_on(spdlog::level::trace);
        return made;
    }();
    return *instance;
}

// spdlog knows no `notice`, so the name is ours and in the text.
std::string_view name_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return "debug";
        case LogLevel::info: return "info";
        case LogLevel::notice: return "notice";
        case LogLevel::warning: return "warning";
        case LogLevel::error: return "error";
        case LogLevel::critical: return "critical";
        case LogLevel::none: break;
    }
    return "none";
}

/// One message stays one line, whatever a client managed to get into it.
std::string one_line(std::string_view message) {
    std::string line;
    line.reserve(message.size());
    for (const char c : message) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            line.push_back(c);
        } else {
            line += c == '\n' ? "\\n" : "?";
        }
    }
    return line;
}

}  // namespace

void log(LogLevel level, std::string_view message) {
    if (level < current_level.load(std::memory_order_relaxed) || level == LogLevel::none) return;
    logger().log(spdlog::level::info, "[{}] {}", name_of(level), one_line(message));
}

void set_log_level(LogLevel level) {
    current_level.store(level, std::memory_order_relaxed);
}

LogLevel log_level() {
    return current_level.load(std::memory_order_relaxed);
}

}  // namespace divan
