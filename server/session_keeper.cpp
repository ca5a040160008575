#include "server/session_keeper.h"

#include <fmt/format.h>

#include <chrono>

#include "storage/base/log.h"

namespace divan::server {
namespace {

constexpr std::chrono::minutes pause{1};
constexpr int flushes_to_sweep = 10;

// The disk's trouble is reported and tried again: signing in must not depend on this thread.
template <class Work>
void attempt(std::string_view what, Work work) {
    try {
        work();
    } catch (const std::exception& failure) {
        log(LogLevel::error, fmt::format("{}: {}", what, failure.what()));
    }
}

}  // namespace

SessionKeeper::SessionKeeper(auth::Sessions& sessions)
    : sessions_(sessions), thread_([this] { run(); }) {}

SessionKeeper::~SessionKeeper() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

bool SessionKeeper::rest() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, pause, [this] { return stopping_; });
    return !stopping_;
}

void SessionKeeper::run() {
    for (int flushes = 0; rest(); ++flushes) {
        attempt("writing the use of sessions", [&] { sessions_.flush(); });
        if (flushes % flushes_to_sweep == 0) {
            attempt("erasing old sessions", [&] { sessions_.sweep(); });
        }
    }
    attempt("writing the use of sessions", [&] { sessions_.flush(); });
}

}  // namespace divan::server
