#include "tools/import/unpack.h"

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

using Format = Unpacker::Format;

std::string deflated(const std::string& text, bool gzip) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, gzip ? 15 + 16 : 15, 8, Z_DEFAULT_STRATEGY);
    std::string out(compressBound(text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::string packed(Format format, const std::string& text) {
    if (format != Format::zstd) return deflated(text, format == Format::gzip);
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

std::string in_pieces(Format format, const std::string& bytes, std::size_t piece,
                      std::size_t out_max) {
    Unpacker unpacker(format);
    std::string out;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto part = std::string_view(bytes).substr(at, piece);
        const auto before = out.size();
        const auto used = unpacker.read(part, out, out_max);
        CHECK(out.size() - before <= out_max);
        at += used;
        if (used == 0 && out.size() == before) break;
    }
    for (auto before = out.size() + 1; before != out.size();) {
        before = out.size();
        unpacker.read({}, out, out_max);
    }
    CHECK(unpacker.finished());
    return out;
}

}  // namespace

TEST_CASE("unpacking: whole, and in pieces of any size") {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += std::to_string(i * i) + ",";
    for (const auto format : {Format::zlib, Format::gzip, Format::zstd}) {
        const auto bytes = packed(format, text);
        CHECK(unpack(format, bytes, text.size()) == text);
        CHECK(unpack(format, packed(format, ""), 0).empty());
        for (const std::size_t piece : {1U, 7U, 4096U}) {
            for (const std::size_t out_max : {1U, 1000U, 1U << 20}) {
                if (piece == 4096 || out_max > 1) {
                    CHECK(in_pieces(format, bytes, piece, out_max) == text);
                }
            }
        }
    }
}

TEST_CASE("unpacking: what is broken, torn, too large or followed by other bytes is refused") {
    for (const auto format : {Format::zlib, Format::gzip, Format::zstd}) {
        const auto bytes = packed(format, std::string(5000, 'x'));
        CHECK_THROWS_AS(unpack(format, bytes.substr(0, bytes.size() - 1), 5000), Damage);
        CHECK_THROWS_AS(unpack(format, bytes + "other", 5000), Damage);
        CHECK_THROWS_AS(unpack(format, bytes, 4999), Damage);
        CHECK_THROWS_AS(unpack(format, "no such data", 5000), Damage);
        CHECK_THROWS_AS(unpack(format, "", 5000), Damage);
    }
}

TEST_CASE("unpacking: gzip and zstd may be several in a row, deflate may not") {
    for (const auto format : {Format::gzip, Format::zstd}) {
        CHECK(unpack(format, packed(format, "one") + packed(format, "two"), 100) == "onetwo");
    }
    const auto one = packed(Format::zlib, "one");
    CHECK_THROWS_AS(unpack(Format::zlib, one + one, 100), Damage);
}

}  // namespace divan::import
