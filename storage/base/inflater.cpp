#include "storage/base/inflater.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <zlib.h>

namespace divan {

struct Inflater::State {
    Rest rest;
    Format format;
    z_stream stream{};
    bool finished = false;
    bool more_inside = false;  ///< The output buffer was full: zlib holds more without new input.
};

Inflater::Inflater(Rest rest, Format format) : state_(new State{rest, format}) {
    constexpr int zlib_window = 15;
    constexpr int gzip_window = zlib_window + 16;
    const int window = format == Format::gzip ? gzip_window : zlib_window;
    if (inflateInit2(&state_->stream, window) != Z_OK) throw std::bad_alloc();
}

Inflater::~Inflater() {
    inflateEnd(&state_->stream);
}

bool Inflater::step(std::string_view& in, std::string& out, std::size_t step_bytes) {
    auto& stream = state_->stream;
    std::array<char, 16384> buffer;
    for (std::size_t made = 0; made < step_bytes && (!in.empty() || state_->more_inside);) {
        if (state_->finished) {
            constexpr char first_of_gzip = '\x1f';
            const bool further = state_->format == Format::gzip && in.front() == first_of_gzip;
            if (!further && state_->rest == Rest::passed_over) {
                in = {};
                break;
            }
            if (!further && state_->format == Format::zlib) return false;
            if (inflateReset(&stream) != Z_OK) return false;
            state_->finished = false;
        }
        const auto given = std::min<std::size_t>(in.size(), std::numeric_limits<uInt>::max());
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
        stream.avail_in = static_cast<uInt>(given);
        stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
        stream.avail_out = static_cast<uInt>(buffer.size());
        const int result = inflate(&stream, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return false;
        state_->finished = result == Z_STREAM_END;
        state_->more_inside = stream.avail_out == 0 && !state_->finished;
        in.remove_prefix(given - stream.avail_in);
        const auto count = buffer.size() - stream.avail_out;
        out.append(buffer.data(), count);
        made += count;
    }
    return true;
}

bool Inflater::finished() const {
    return state_->finished;
}

bool Inflater::holds_more() const {
    return state_->more_inside;
}

}  // namespace divan
