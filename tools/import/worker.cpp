#include "tools/import/worker.h"

namespace divan::import {

Worker::~Worker() {
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) thread_.join();
}

void Worker::start(std::packaged_task<void()> task) {
    finish();
    running_ = task.get_future();
    {
        const std::lock_guard lock(mutex_);
        task_ = std::move(task);
    }
    changed_.notify_one();
    if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void Worker::finish() {
    if (running_.valid()) running_.get();
}

void Worker::wait() noexcept {
    if (running_.valid()) running_.wait();
}

void Worker::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return ended_ || task_.valid(); });
        if (!task_.valid()) return;
        auto task = std::move(task_);
        lock.unlock();
        task();
        task = {};  // What it holds goes here, not where the next one is awaited.
        lock.lock();
    }
}

}  // namespace divan::import
