#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace divan::import {

/// Takes compression off bytes that come piece by piece, in steps whose size the caller bounds.
/// One thread at a time.
class Unpacker {
public:
    enum class Format : std::uint8_t {
        zlib,  ///< One stream.
        gzip,  ///< One after another, as gzip allows.
        zstd,  ///< The same.
    };
    explicit Unpacker(Format format);
    ~Unpacker();
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;

    /// Appends no more than `out_bytes_max` to `out`; returns how much of `bytes` was consumed. To
    /// be called with the rest, even an empty one, until nothing comes out. Throws `Damage` where
    /// the bytes are broken, or follow the end and are no further stream.
    std::size_t read(std::string_view bytes, std::string& out, std::size_t out_bytes_max);
    /// Whether all that was read is whole.
    bool finished() const { return finished_; }

    class Stream;

private:
    std::unique_ptr<Stream> stream_;
    bool finished_ = false;
};

/// The whole of `bytes` unpacked. Throws `Damage`, also where it would be more than `bytes_max`.
std::string unpack(Unpacker::Format format, std::string_view bytes, std::size_t bytes_max);

}  // namespace divan::import
