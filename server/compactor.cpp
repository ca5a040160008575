#include "server/compactor.h"

#include <fmt/format.h>

#include "storage/base/log.h"

namespace divan::server {

Compactor::Compactor(storage::Catalog& catalog, std::chrono::milliseconds pause)
    : catalog_(catalog), pause_(pause), thread_([this] { run(); }) {}

Compactor::~Compactor() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

bool Compactor::rest() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, pause_, [this] { return stopping_; });
    return !stopping_;
}

void Compactor::run() {
    while (rest()) {
        for (const auto& database : catalog_.open_databases()) {
            {
                const std::lock_guard lock(mutex_);
                if (stopping_) return;
            }
            if (database->doomed() || !database->wants_compaction()) continue;
            try {
                database->compact();
            } catch (const std::exception& failure) {  // one database's trouble is not the others'
                log(LogLevel::error,
                    fmt::format("compacting {}: {}", database->name(), failure.what()));
            }
        }
    }
}

}  // namespace divan::server
