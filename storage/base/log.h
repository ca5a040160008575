#pragma once

#include <string_view>

namespace divan {

enum class LogLevel { debug, info, notice, warning, error, critical, none };

/// One line to standard error, with time and level. Safe on any thread. Never write secrets here.
void log(LogLevel level, std::string_view message);
void set_log_level(LogLevel level);
LogLevel log_level();

}  // namespace divan
