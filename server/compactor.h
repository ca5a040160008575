#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "storage/database/catalog.h"

namespace divan::server {

/// Compacts open databases that want it, one after the other, on a thread of its own that sleeps
/// in between. The catalog must outlive it.
class Compactor {
public:
    Compactor(storage::Catalog& catalog, std::chrono::milliseconds pause);
    /// Ends after the compaction under way.
    ~Compactor();

private:
    void run();
    bool rest();

    storage::Catalog& catalog_;
    const std::chrono::milliseconds pause_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace divan::server
