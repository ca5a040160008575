#include "tools/import/progress.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>

#include <fmt/format.h>

namespace divan::import {
namespace {

std::int64_t milliseconds() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

}  // namespace

ProgressDisplay::ProgressDisplay(const Counters& counters, std::size_t databases)
    : counters_(counters),
      databases_(databases),
      terminal_(::isatty(STDERR_FILENO) == 1),
      started_(milliseconds()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ProgressDisplay::~ProgressDisplay() {
    thread_.request_stop();
    thread_.join();
    show(true);
}

void ProgressDisplay::run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any ended;
    const auto pause = terminal_ ? std::chrono::milliseconds(200) : std::chrono::minutes(1);
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, stop, pause, [] { return false; }) && !stop.stop_requested()) {
        show(false);
    }
}

void ProgressDisplay::show(bool last) {
    const double seconds =
        static_cast<double>(std::max<std::int64_t>(milliseconds() - started_, 1)) / 1000;
    const auto documents = counters_.documents.load();
    const auto done = counters_.databases.load();
    auto line = fmt::format("{} of {} databases, {} documents ({:.0f}/s), {:.1f} MB, {} failures",
                            done, databases_, documents, static_cast<double>(documents) / seconds,
                            static_cast<double>(counters_.bytes.load()) / 1e6,
                            counters_.failures.load());
    if (!last && done > 0 && done < databases_) {
        const auto left = seconds / static_cast<double>(done) *
                          static_cast<double>(databases_ - done);
        line += fmt::format(", about {:.0f} s left", left);
    }
    const char* const before = terminal_ ? "\r\033[K" : "";
    std::fprintf(stderr, "%s%s%s", before, line.c_str(), terminal_ && !last ? "" : "\n");
    std::fflush(stderr);
}

}  // namespace divan::import
