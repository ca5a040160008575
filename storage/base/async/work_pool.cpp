#include "storage/base/async/work_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace divan {
namespace {

class ThreadPool : public WorkPool {
public:
    explicit ThreadPool(std::size_t threads) {
        for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
    }

    ~ThreadPool() override {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wake_.notify_all();
        for (auto& thread : threads_) thread.join();
    }

    void post(std::function<void()> work) override {
        bool somebody_sleeps = false;
        {
            const std::lock_guard lock(mutex_);
            queue_.push_back(std::move(work));
            somebody_sleeps = sleeping_ > 0;
        }
        if (somebody_sleeps) wake_.notify_one();
    }

private:
    void run() {
        std::unique_lock lock(mutex_);
        while (true) {
            while (queue_.empty()) {
                if (stopping_) return;
                ++sleeping_;
                wake_.wait(lock);
                --sleeping_;
            }
            auto work = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            work();
            work = nullptr;  // what it captured dies outside the lock
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> queue_;
    std::size_t sleeping_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<WorkPool> make_work_pool(std::size_t threads) {
    return std::make_unique<ThreadPool>(threads);
}

}  // namespace divan
