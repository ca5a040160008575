#pragma once

#include <functional>
#include <future>
#include <memory>
#include <thread>
#include <type_traits>

#include "replication/http_clients.h"
#include "storage/base/async/task.h"
#include "storage/base/metrics.h"

namespace divan::import {

/// A thread with the event loop that clients of servers live on. Other threads have it run tasks
/// and wait for them. Outlives whatever was made on it.
class LoopThread {
public:
    explicit LoopThread(replication::HttpClientSettings settings);
    ~LoopThread();
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;

    /// Any thread but the loop's own. Runs `make()` there, and returns or throws what it does.
    template <class T>
    T run(const std::function<Task<T>()>& make) {
        std::promise<T> promise;
        auto answer = promise.get_future();
        post([&] { spawn(carry<T>(&make, &promise)); });
        return answer.get();
    }
    /// The same for work that waits for nothing.
    void run_here(const std::function<void()>& work);

    replication::HttpClients& clients() { return *clients_; }

private:
    // Who gave the pointers waits for the promise.
    template <class T>
    static Task<void> carry(const std::function<Task<T>()>* make, std::promise<T>* promise) {
        try {
            auto task = (*make)();
            if constexpr (std::is_void_v<T>) {
                co_await std::move(task);
                promise->set_value();
            } else {
                auto value = co_await std::move(task);
                promise->set_value(std::move(value));
            }
        } catch (...) {
            promise->set_exception(std::current_exception());
        }
    }
    void post(std::function<void()> work);

    ReplicationMetrics metrics_;  ///< Counted by the clients; an import reports on its own.
    std::unique_ptr<IoLoop> loop_;
    std::unique_ptr<WorkPool> pool_;
    std::unique_ptr<replication::HttpClients> clients_;
    std::thread thread_;
};

}  // namespace divan::import
