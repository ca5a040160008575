#include "storage/query/js/worker_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "storage/base/log.h"

namespace divan::storage::js {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* timed_out = "OS process timed out.";  // couch_os_process:readline/2
constexpr std::size_t log_lines_max = 1000;                 // A request.

/// posix_spawn's settings: the socket as standard input and output, and nothing else that is open
/// here; every signal as in a new program.
class SpawnSettings {
public:
    explicit SpawnSettings(int socket) {
        posix_spawn_file_actions_init(&files_);
        posix_spawn_file_actions_adddup2(&files_, socket, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files_, socket, STDOUT_FILENO);
        posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
        posix_spawnattr_init(&attributes_);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&files_);
        posix_spawnattr_destroy(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    const posix_spawn_file_actions_t* files() const { return &files_; }
    const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t files_{};
    posix_spawnattr_t attributes_{};
};

std::string environment_entry(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : fmt::format("{}={}", name, value);
}

}  // namespace

WorkerFailed::WorkerFailed(std::string reason)
    : error_{Code::internal_error, std::move(reason), "os_process_error"} {}

WorkerProcess::WorkerProcess(const std::filesystem::path& program, std::size_t heap_bytes,
                             milliseconds limit)
    : WorkerProcess() {
    start(program, heap_bytes);
    try {
        const auto answer = receive(limit, program.native());
        if (answer.kind == Reply::ready && ByteReader(answer.fields).varint() == protocol_version) {
            return;
        }
    } catch (const CorruptBytes&) {
    } catch (const BadFrame&) {
    }
    throw WorkerFailed(fmt::format("{} is of another version", program.string()));
}

WorkerProcess::~WorkerProcess() {
    if (pid_ >= 0) end();
    if (socket_ >= 0) ::close(socket_);
}

void WorkerProcess::start(const std::filesystem::path& program, std::size_t heap_bytes) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw WorkerFailed(
            fmt::format("no socket for a JavaScript worker: {}", std::strerror(errno)));
    }
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    const SpawnSettings settings(ends[1]);
    std::string heap = std::to_string(heap_bytes);
    std::string path = program.string();
    std::string zone = environment_entry("TZ");
    const std::array<char*, 3> words = {path.data(), heap.data(), nullptr};
    const std::array<char*, 2> environment = {zone.empty() ? nullptr : zone.data(), nullptr};
    const int error = ::posix_spawn(&pid_, path.c_str(), settings.files(), settings.attributes(),
                                    words.data(), environment.data());
    ::close(ends[1]);
    socket_ = ends[0];
    if (error != 0) {
        ::close(std::exchange(socket_, -1));
        pid_ = -1;
        throw WorkerFailed(fmt::format("{} does not start: {}", path, std::strerror(error)));
    }
}

WorkerProcess::Answer WorkerProcess::ask(FrameWriter& request, milliseconds limit,
                                         std::string_view name) {
    try {
        send(request.bytes(), limit);
        return receive(limit, name);
    } catch (const BadFrame& bad) {
        throw WorkerFailed(bad.what());
    } catch (const CorruptBytes&) {
        throw WorkerFailed(BadFrame().what());
    }
}

void WorkerProcess::await(short events, steady_clock::time_point deadline) {
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        pollfd waiting{socket_, events, 0};
        const int ready = left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(left));
        if (ready > 0) return;
        if (ready < 0 && errno == EINTR) continue;
        throw WorkerFailed(timed_out);
    }
}

void WorkerProcess::send(BytesView bytes, milliseconds limit) {
    const auto deadline = steady_clock::now() + limit;
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            await(POLLOUT, deadline);
        } else if (errno != EINTR) {
            fail_ended();
        }
    }
}

WorkerProcess::Answer WorkerProcess::receive(milliseconds limit, std::string_view name) {
    auto deadline = steady_clock::now() + limit;
    std::size_t lines = 0;
    while (true) {
        while (const auto frame = input_.next()) {
            ByteReader fields(*frame);
            const auto kind = static_cast<Reply>(fields.u8());
            if (kind == Reply::log) {
                if (++lines > log_lines_max) continue;
                divan::log(LogLevel::info, fmt::format("{}: {}", name, fields.sized()));
            } else if (kind == Reply::progress) {
                deadline = steady_clock::now() + limit;
            } else if (kind >= Reply::ready && kind <= Reply::part) {
                return {kind, fields.rest()};
            } else {
                throw BadFrame();
            }
        }
        if (steady_clock::now() > deadline) throw WorkerFailed(timed_out);
        const auto space = input_.space();
        const auto got = ::recv(socket_, space.data(), space.size(), 0);
        if (got > 0) {
            input_.filled(static_cast<std::size_t>(got));
        } else if (got < 0 && errno == EAGAIN) {
            await(POLLIN, deadline);
        } else if (got == 0 || errno != EINTR) {
            fail_ended();
        }
    }
}

bool WorkerProcess::ended() {
    if (!reaped_) reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return reaped_;
}

void WorkerProcess::hang_up() const {
    ::shutdown(socket_, SHUT_RDWR);
}

void WorkerProcess::end() {
    if (reaped_) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status_, 0) < 0 && errno == EINTR) continue;
    reaped_ = true;
}

/// CouchDB's words: a signal shows as in a shell.
void WorkerProcess::fail_ended() {
    constexpr int by_signal = 128;
    end();
    const int code = WIFEXITED(status_) ? WEXITSTATUS(status_) : by_signal + WTERMSIG(status_);
    throw WorkerFailed(fmt::format("{{exit_status,{}}}", code));
}

}  // namespace divan::storage::js
