#include "storage/base/async/io_loop.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace divan {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

thread_local EventLoop* current_loop = nullptr;

// Asio's part of a watch. Shared with the operations under way, which may complete (aborted) after
// the watch is gone: they find nothing to run then.
struct Descriptor {
    asio::posix::stream_descriptor io;
    std::function<void()> on_readable;
    std::function<void()> on_writable;
    bool reading = false;
    bool writing = false;
};

class AsioWatch : public Watch {
public:
    AsioWatch(asio::io_context& context, int descriptor)
        : state_(std::make_shared<Descriptor>(
              Descriptor{asio::posix::stream_descriptor(context, descriptor), {}, {}})) {}

    ~AsioWatch() override {
        state_->on_readable = nullptr;
        state_->on_writable = nullptr;
        error_code ignored;  // the descriptor is gone whatever close() says
        state_->io.close(ignored);
    }

    void when_readable(std::function<void()> then) override {
        state_->on_readable = std::move(then);
        if (!state_->on_readable || state_->reading) return;
        state_->reading = true;
        state_->io.async_wait(asio::posix::stream_descriptor::wait_read,
                              [state = state_](const error_code&) {
                                  state->reading = false;
                                  run(state->on_readable);
                              });
    }

    void when_writable(std::function<void()> then) override {
        state_->on_writable = std::move(then);
        if (!state_->on_writable || state_->writing) return;
        state_->writing = true;
        state_->io.async_wait(asio::posix::stream_descriptor::wait_write,
                              [state = state_](const error_code&) {
                                  state->writing = false;
                                  run(state->on_writable);
                              });
    }

    int release() override {
        state_->on_readable = nullptr;
        state_->on_writable = nullptr;
        return state_->io.release();
    }

private:
    static void run(std::function<void()>& waiting) {
        const auto then = std::exchange(waiting, nullptr);
        if (then) then();
    }

    std::shared_ptr<Descriptor> state_;
};

class AsioLoop : public IoLoop {
public:
    void run() override {
        current_loop = this;
        const auto work = asio::make_work_guard(context_);
        context_.run();
        current_loop = nullptr;
    }
    void stop() override { context_.stop(); }

    void post(std::function<void()> work) override { asio::post(context_, std::move(work)); }

    std::function<void()> after(std::chrono::milliseconds delay,
                                std::function<void()> work) override {
        struct Timer {
            asio::steady_timer timer;
            bool over = false;
        };
        auto timer = std::make_shared<Timer>(Timer{asio::steady_timer(context_, delay)});
        timer->timer.async_wait([timer, work = std::move(work)](const error_code&) {
            if (std::exchange(timer->over, true)) return;
            work();
        });
        return [timer = std::move(timer)] {
            if (std::exchange(timer->over, true)) return;
            timer->timer.cancel();
        };
    }

    std::unique_ptr<Watch> watch(int descriptor) override {
        return std::make_unique<AsioWatch>(context_, descriptor);
    }

private:
    asio::io_context context_{1};
};

}  // namespace

EventLoop* EventLoop::current() {
    return current_loop;
}

std::unique_ptr<IoLoop> IoLoop::create() {
    return std::make_unique<AsioLoop>();
}

}  // namespace divan
