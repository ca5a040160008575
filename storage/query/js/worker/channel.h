#pragma once

#include "storage/query/js/protocol.h"

namespace divan::storage::js {

/// The worker's end: whole frames over standard input and output, blocking.
class Channel {
public:
    /// The next request without its length; valid until the next call. Empty at the end of input.
    std::optional<BytesView> read();
    /// Throws where the server is gone.
    void send(FrameWriter& frame);

    void log(BytesView line);
    /// Tells the server that work goes on, if it has not heard of it for a while.
    void keep_alive();

private:
    void write(BytesView bytes);

    FrameBuffer input_;
    std::uint64_t heard_milliseconds_ = 0;
};

/// The server closed its end.
class ServerGone : public std::exception {};

}  // namespace divan::storage::js
