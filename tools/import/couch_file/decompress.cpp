#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term.h"
#include "tools/import/couch_file/term_reader.h"

namespace divan::import {
namespace {

constexpr char snappy_prefix = 1;
constexpr std::string_view zstd_magic = "\x28\xB5\x2F\xFD";
constexpr std::size_t step = 64 * 1024;
// CouchDB never wrote larger terms; what claims more is made to fill memory.
constexpr std::size_t term_bytes_max = 2'000'000'000;
constexpr std::size_t snappy_ratio_max = 64;

std::string unsnappy(std::string_view bytes) {
    std::size_t size = 0;
    const bool told = snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size);
    if (!told || size / snappy_ratio_max > bytes.size()) throw Damage("broken snappy data");
    std::string out;
    if (!snappy::Uncompress(bytes.data(), bytes.size(), &out)) throw Damage("broken snappy data");
    return out;
}

void check_size(const std::string& out) {
    if (out.size() > term_bytes_max) throw Damage("compressed data of absurd size");
}

std::string inflate_all(std::string_view bytes) {
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, decltype(&inflateEnd)> guard(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    std::string out;
    for (int result = Z_OK; result != Z_STREAM_END;) {
        const auto before = out.size();
        out.resize(before + step);
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
        stream.avail_out = static_cast<uInt>(step);
        result = inflate(&stream, Z_NO_FLUSH);
        const auto made = step - stream.avail_out;
        out.resize(before + made);
        if (result != Z_STREAM_END && (result != Z_OK || (made == 0 && stream.avail_in == 0))) {
            throw Damage("broken deflate data");
        }
        check_size(out);
    }
    return out;
}

std::string unzstd(std::string_view bytes) {
    const std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream(ZSTD_createDStream(),
                                                                            ZSTD_freeDStream);
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::string out;
    for (std::size_t more = 1; more != 0;) {
        const auto before = out.size();
        out.resize(before + step);
        ZSTD_outBuffer made{out.data() + before, step, 0};
        more = ZSTD_decompressStream(stream.get(), &made, &in);
        out.resize(before + made.pos);
        const bool stuck = more != 0 && in.pos == in.size && made.pos == 0;
        if (ZSTD_isError(more) || stuck) throw Damage("broken zstd data");
        check_size(out);
    }
    return out;
}

}  // namespace

std::string decompress_term(std::string_view bytes) {
    if (bytes.empty()) throw Damage("an empty term");
    if (bytes.front() == snappy_prefix) return unsnappy(bytes.substr(1));
    if (bytes.starts_with(zstd_magic)) return decompress_term(unzstd(bytes));
    TermReader in(bytes);
    in.version();
    if (in.peek() != Tag::compressed) return std::string(bytes);
    in.tag();
    in.u32();  // the size, which the data tells by themselves
    return std::string(1, static_cast<char>(term_version)) + inflate_all(in.rest());
}

}  // namespace divan::import
