#include "tools/import/live/loop_thread.h"

#include "storage/base/async/work_pool.h"

namespace divan::import {

LoopThread::LoopThread(replication::HttpClientSettings settings)
    : loop_(IoLoop::create()),
      pool_(make_work_pool(2)),
      clients_(std::make_unique<replication::HttpClients>(*loop_, *pool_, std::move(settings),
                                                          metrics_)),
      thread_([this] { loop_->run(); }) {}

LoopThread::~LoopThread() {
    loop_->stop();
    thread_.join();
    clients_.reset();
    pool_.reset();
}

void LoopThread::run_here(const std::function<void()>& work) {
    std::promise<void> promise;
    auto done = promise.get_future();
    post([&] {
        try {
            work();
            promise.set_value();
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    });
    done.get();
}

void LoopThread::post(std::function<void()> work) {
    loop_->post(std::move(work));
}

}  // namespace divan::import
