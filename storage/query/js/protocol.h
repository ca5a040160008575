#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <span>

#include "storage/base/bytes.h"

// What the server and a worker say to each other over two pipes. Both sides are hostile to each
// other: a worker runs whatever a design document says, and one that was taken over must not hurt
// the server.
//
// A frame is its length (four bytes, big endian) and that many bytes: a kind (one byte), then the
// fields named below. `context` is `context_bytes` bytes; the others are varints, or a varint
// length and bytes. JSON texts are never normalised.

namespace divan::storage::js {

inline constexpr std::size_t frame_header_bytes = 4;
inline constexpr std::size_t frame_bytes_max = std::size_t{256} << 20;
inline constexpr std::size_t context_bytes = 32;

/// From the server. Each is answered by `done` or `refused`; `list` and `rows` also by `part`.
enum class Request : std::uint8_t {
    open = 1,     ///< context, design document. Makes its global.
    close,        ///< context. Frees it.
    compile,      ///< context, source.
    map,          ///< context, count, sources; count, documents.
    reduce,       ///< context, count, sources; keys ("null" to rereduce), values: JSON arrays.
    validate,     ///< context, user, security; count, then new and old document of each.
    filter,       ///< context, name, request; count, documents.
    filter_view,  ///< context, name; count, documents.
    show,         ///< context, name, document, request.
    update,       ///< As show.
    rewrite,      ///< context, request.
    list,         ///< context, name, head, request.
    rows,         ///< count, rows. Only after a `part` that has not ended.
    rows_end,     ///< There are no more.
};

/// From a worker.
enum class Reply : std::uint8_t {
    ready = 1,  ///< The version of this protocol. Once, first.
    log,        ///< A line for the server's log. Any number, before another.
    progress,   ///< Still at it: the time limit counts from here.
    done,       ///< As the request has it; see below.
    refused,    ///< 1 where the worker is of no more use, else 0; error; reason as JSON.
    part,       ///< A list's: 1 where it ended, else 0; start as JSON or empty; output.
};
// `done` holds: nothing (open, close, compile); for each document and source a count and so many
// keys and values (map); a JSON text a source (reduce); an Outcome for each edit (validate); a byte
// 0 or 1 for each document (filter, filter_view); the response (show); the document and the
// response (update); nothing or an object (rewrite).

inline constexpr std::uint64_t protocol_version = 1;

/// How a validator ended. `threw` is followed by what it threw, `failed` by error and reason.
enum class Outcome : std::uint8_t { passed, threw, failed };

/// Bytes that are no frame, or one that is too long.
class BadFrame : public std::exception {
public:
    const char* what() const noexcept override { return "a JavaScript worker's frame is bad"; }
};

/// Collects bytes into frames. Its memory grows with what arrived, not with what was announced.
class FrameBuffer {
public:
    /// Where to read the next bytes to. Never empty. Ends what `next` gave.
    std::span<char> space();
    /// So many of them were filled.
    void filled(std::size_t bytes) { end_ += bytes; }
    /// The next whole frame without its length; valid until the next call of anything. Throws
    /// `BadFrame`.
    std::optional<BytesView> next();
    bool empty() const { return begin_ == end_; }

private:
    Bytes bytes_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

/// Writes one frame. `bytes()` is it, ready to be sent.
class FrameWriter {
public:
    FrameWriter() : bytes_(frame_header_bytes, '\0'), writer_(bytes_) {}
    explicit FrameWriter(Request kind) : FrameWriter() { start(kind); }
    explicit FrameWriter(Reply kind) : FrameWriter() { start(kind); }
    FrameWriter(const FrameWriter&) = delete;
    FrameWriter& operator=(const FrameWriter&) = delete;

    ByteWriter& fields() { return writer_; }
    Bytes& buffer() { return bytes_; }
    /// Bytes of fields so far.
    std::size_t size() const { return bytes_.size() - frame_header_bytes; }
    /// Completes the length. Throws `BadFrame` where it is too long.
    BytesView bytes();
    /// Empties it for another frame; keeps the memory unless it is much.
    template <class Kind>
    void restart(Kind kind) {
        constexpr std::size_t kept_max = std::size_t{4} << 20;
        bytes_.resize(frame_header_bytes);
        if (bytes_.capacity() > kept_max) bytes_.shrink_to_fit();
        start(kind);
    }

private:
    template <class Kind>
    void start(Kind kind) {
        writer_.u8(static_cast<std::uint8_t>(kind));
    }

    Bytes bytes_;
    ByteWriter writer_;
};

}  // namespace divan::storage::js
