#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string_view>

#include "storage/base/error.h"
#include "storage/query/js/protocol.h"

namespace divan::storage::js {

/// A worker that ended, hung or talked nonsense. `error` is what CouchDB says: `os_process_error`.
class WorkerFailed : public std::exception {
public:
    explicit WorkerFailed(std::string reason);
    const Error& error() const { return error_; }
    const char* what() const noexcept override { return error_.reason.c_str(); }

private:
    Error error_;
};

/// A running divan-js. One thread at a time, but for hang_up(). Ends the process when it goes.
class WorkerProcess {
public:
    /// Starts it, and waits until it is ready. Throws `WorkerFailed`.
    WorkerProcess(const std::filesystem::path& program, std::size_t heap_bytes,
                  std::chrono::milliseconds limit);
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    struct Answer {
        Reply kind;        ///< done, refused or part.
        BytesView fields;  ///< Valid until the next call.
    };
    /// Sends a request and waits for its answer, `limit` long without a sign of life. Lines for the
    /// log go there under `name`. Throws `WorkerFailed`: it is of no more use then.
    Answer ask(FrameWriter& request, std::chrono::milliseconds limit, std::string_view name);

    /// Whether it ended by itself.
    bool ended();
    /// Hangs up: a call that waits for it fails at once. Any thread, as long as this exists.
    void hang_up() const;
    pid_t pid() const { return pid_; }

private:
    WorkerProcess() = default;
    void start(const std::filesystem::path& program, std::size_t heap_bytes);
    void send(BytesView bytes, std::chrono::milliseconds limit);
    Answer receive(std::chrono::milliseconds limit, std::string_view name);
    void await(short events, std::chrono::steady_clock::time_point deadline);
    void end();
    [[noreturn]] void fail_ended();

    pid_t pid_ = -1;
    int socket_ = -1;
    bool reaped_ = false;
    int status_ = 0;
    FrameBuffer input_;
};

}  // namespace divan::storage::js
