// A worker that was taken over. How it misbehaves is the end of the name that it is started by.

#include <unistd.h>

#include <cstdint>
#include <string>

#include "storage/query/js/protocol.h"

namespace {

using namespace divan::storage::js;
using divan::Bytes;
using divan::BytesView;

void send(BytesView bytes) {
    while (!bytes.empty()) {
        const auto sent = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (sent <= 0) _exit(3);
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void send_ready(std::uint64_t version) {
    FrameWriter frame(Reply::ready);
    frame.fields().varint(version);
    send(frame.bytes());
}

void send_done(BytesView fields) {
    FrameWriter frame(Reply::done);
    frame.fields().raw(fields);
    send(frame.bytes());
}

void wait_for_request(FrameBuffer& input) {
    while (!input.next()) {
        const auto space = input.space();
        const auto got = ::read(STDIN_FILENO, space.data(), space.size());
        if (got <= 0) _exit(0);
        input.filled(static_cast<std::size_t>(got));
    }
}

void misbehave(const std::string& how) {
    if (how == "length") send("\xff\xff\xff\xff");
    if (how == "kind") send(BytesView("\0\0\0\1\x63", 5));
    if (how == "short") send_done("\xff\xff\xff\xff\x0f");
    if (how == "long") send_done("\1\1\1\1 and more");
    if (how == "part") send(BytesView("\0\0\0\2\x06\1", 6));
    if (how == "ready") send_ready(protocol_version);
    if (how == "refused") send(BytesView("\0\0\0\2\x05\1", 6));
    if (how == "exit") _exit(7);
    if (how == "log") {
        FrameWriter frame(Reply::log);
        frame.fields().sized("again");
        while (true) send(frame.bytes());
    }
    if (how == "endless") {
        send(BytesView("\x0f\xff\xff\xff\4", 5));
        while (true) send(Bytes(65536, 'x'));
    }
}

}  // namespace

int main(int, char** words) {
    const std::string path = words[0];
    const auto how = path.substr(path.find_last_of('-') + 1);
    if (how == "silent") pause();
    send_ready(how == "version" ? 999 : protocol_version);
    FrameBuffer input;
    wait_for_request(input);
    send_done("");  // It has opened the design document.
    wait_for_request(input);
    misbehave(how);
    wait_for_request(input);
    _exit(0);
}
