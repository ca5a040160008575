#include "storage/query/js/worker/channel.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>

namespace divan::storage::js {
namespace {

constexpr std::uint64_t progress_milliseconds = 200;
constexpr std::size_t log_bytes_max = 4096;

std::uint64_t now_milliseconds() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

}  // namespace

std::optional<BytesView> Channel::read() {
    while (true) {
        if (const auto frame = input_.next()) {
            heard_milliseconds_ = now_milliseconds();
            return frame;
        }
        const auto space = input_.space();
        const auto got = ::read(STDIN_FILENO, space.data(), space.size());
        if (got == 0) return std::nullopt;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw ServerGone();
        input_.filled(static_cast<std::size_t>(got));
    }
}

void Channel::write(BytesView bytes) {
    while (!bytes.empty()) {
        const auto sent = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) throw ServerGone();
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Channel::send(FrameWriter& frame) {
    write(frame.bytes());
}

void Channel::log(BytesView line) {
    FrameWriter frame(Reply::log);
    frame.fields().sized(line.substr(0, log_bytes_max));
    send(frame);
}

void Channel::keep_alive() {
    const auto now = now_milliseconds();
    if (now - heard_milliseconds_ < progress_milliseconds) return;
    heard_milliseconds_ = now;
    FrameWriter frame(Reply::progress);
    send(frame);
}

}  // namespace divan::storage::js
