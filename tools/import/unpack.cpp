#include "tools/import/unpack.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t step_bytes = 64 * 1024;
constexpr std::size_t zlib_bytes_max = 1U << 30;
constexpr int zlib_window_bits = 15;
constexpr int gzip_window_bits = 15 + 16;

struct Step {
    std::size_t consumed, made;
    bool ended;
};

}  // namespace

class Unpacker::Stream {
public:
    virtual ~Stream() = default;
    virtual Step step(std::string_view in, char* out, std::size_t room) = 0;
    /// Before a further stream after the end of one.
    virtual void begin_again() = 0;
};

namespace {

class Inflate final : public Unpacker::Stream {
public:
    explicit Inflate(bool gzip) : gzip_(gzip) {
        if (inflateInit2(&stream_, gzip ? gzip_window_bits : zlib_window_bits) != Z_OK) {
            throw std::bad_alloc();
        }
    }
    ~Inflate() override { inflateEnd(&stream_); }
    Inflate(const Inflate&) = delete;
    Inflate& operator=(const Inflate&) = delete;

    Step step(std::string_view in, char* out, std::size_t room) override {
        const auto offered = std::min(in.size(), zlib_bytes_max);
        // zlib never writes through next_in; its type is older than const.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream_.avail_in = static_cast<uInt>(offered);
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = static_cast<uInt>(room);
        const int result = inflate(&stream_, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            throw Damage(gzip_ ? "broken gzip" : "broken deflate data");
        }
        return {offered - stream_.avail_in, room - stream_.avail_out, result == Z_STREAM_END};
    }
    void begin_again() override {
        if (!gzip_) throw Damage("bytes follow the end of deflate data");
        inflateReset(&stream_);
    }

private:
    z_stream stream_{};
    bool gzip_;
};

class Zstd final : public Unpacker::Stream {
public:
    Step step(std::string_view in, char* out, std::size_t room) override {
        ZSTD_inBuffer from{in.data(), in.size(), 0};
        ZSTD_outBuffer to{out, room, 0};
        const auto left = ZSTD_decompressStream(stream_.get(), &to, &from);
        if (ZSTD_isError(left)) throw Damage("broken zstd data");
        return {from.pos, to.pos, left == 0};
    }
    void begin_again() override {}

private:
    struct Free {
        void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
    };
    std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
};

std::unique_ptr<Unpacker::Stream> stream_of(Unpacker::Format format) {
    if (format == Unpacker::Format::zstd) return std::make_unique<Zstd>();
    return std::make_unique<Inflate>(format == Unpacker::Format::gzip);
}

}  // namespace

Unpacker::Unpacker(Format format) : stream_(stream_of(format)) {}
Unpacker::~Unpacker() = default;

std::size_t Unpacker::read(std::string_view bytes, std::string& out, std::size_t out_bytes_max) {
    std::size_t consumed = 0;
    std::size_t made = 0;
    while (made < out_bytes_max) {
        const auto rest = bytes.substr(consumed);
        if (finished_ && rest.empty()) break;
        if (finished_) stream_->begin_again();
        const auto room = std::min(step_bytes, out_bytes_max - made);
        const auto before = out.size();
        out.resize(before + room);
        const auto step = stream_->step(rest, out.data() + before, room);
        out.resize(before + step.made);
        consumed += step.consumed;
        made += step.made;
        finished_ = step.ended;
        if (step.consumed == 0 && step.made == 0 && !finished_) break;
    }
    return consumed;
}

std::string unpack(Unpacker::Format format, std::string_view bytes, std::size_t bytes_max) {
    Unpacker unpacker(format);
    std::string out;
    for (auto rest = bytes; !rest.empty() || !unpacker.finished();) {
        const auto before = out.size();
        const auto consumed = unpacker.read(rest, out, step_bytes);
        rest.remove_prefix(consumed);
        if (out.size() > bytes_max) throw Damage("compressed data of absurd size");
        const bool stuck = consumed == 0 && out.size() == before;
        if (stuck && !unpacker.finished()) throw Damage("compressed data that ends early");
    }
    return out;
}

}  // namespace divan::import
