#pragma once

#include <exception>
#include <string>
#include <utility>

#include "replication/http_clients.h"
#include "replication/peer.h"
#include "storage/base/async/io_loop.h"
#include "storage/base/async/task.h"
#include "storage/base/async/work_pool.h"

namespace divan::replication {

/// What a test needs to be asked over HTTP, made on the loop's thread.
struct LoopStage {
    IoLoop& loop;
    WorkPool& pool;
    ReplicationMetrics& metrics;
    HttpClients clients;
};

template <class Body>
Task<void> play(IoLoop& loop, WorkPool& pool, HttpClientSettings settings, Body& body,
                std::exception_ptr& failure) {
    try {
        ReplicationMetrics metrics;
        LoopStage stage{loop, pool, metrics, HttpClients(loop, pool, std::move(settings), metrics)};
        co_await body(stage);
    } catch (...) {
        failure = std::current_exception();
    }
    loop.stop();
}

/// Runs a coroutine to its end on a loop of its own, here and now, and throws what it throws.
template <class Body>
void run_on_loop(Body body, HttpClientSettings settings = {}) {
    const auto pool = make_work_pool(2);
    const auto loop = IoLoop::create();
    std::exception_ptr failure;
    loop->post([&] { spawn(play(*loop, *pool, settings, body, failure)); });
    loop->run();
    if (failure) std::rethrow_exception(failure);
}

/// What a task throws; "" where it throws nothing.
template <class T>
Task<std::string> failure_of(Task<T> task) {
    std::string text;
    try {
        co_await std::move(task);
    } catch (const PeerFailure& failure) {
        text = failure.error();
    }
    co_return text;
}

}  // namespace divan::replication
