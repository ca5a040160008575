#include "storage/query/js/protocol.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace divan::storage::js {
namespace {

void feed(FrameBuffer& buffer, BytesView bytes) {
    while (!bytes.empty()) {
        const auto space = buffer.space();
        const auto size = std::min(space.size(), bytes.size());
        std::copy_n(bytes.begin(), size, space.begin());
        buffer.filled(size);
        bytes.remove_prefix(size);
    }
}

}  // namespace

TEST_CASE("frames come out as they went in, however the bytes are cut") {
    Bytes stream;
    for (const std::size_t size : {0U, 1U, 70'000U, 3U}) {
        FrameWriter frame(Request::map);
        frame.fields().raw(Bytes(size, 'x'));
        stream += frame.bytes();
    }
    for (const std::size_t piece : {1UL, 5UL, 4096UL, stream.size()}) {
        FrameBuffer buffer;
        std::vector<std::size_t> sizes;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            feed(buffer, BytesView(stream).substr(at, piece));
            while (const auto frame = buffer.next()) sizes.push_back(frame->size());
        }
        CHECK(sizes == std::vector<std::size_t>{1, 2, 70'001, 4});
        CHECK(buffer.empty());
    }
}

TEST_CASE("a length of nothing or of too much is no frame, and takes no memory") {
    FrameBuffer none;
    feed(none, Bytes(4, '\0'));
    CHECK_THROWS_AS(none.next(), BadFrame);
    FrameBuffer huge;
    feed(huge, "\xff\xff\xff\xff");
    CHECK_THROWS_AS(huge.next(), BadFrame);
    FrameBuffer large;
    Bytes header;
    ByteWriter(header).u32(static_cast<std::uint32_t>(frame_bytes_max));
    feed(large, header);
    CHECK_FALSE(large.next().has_value());
    CHECK(large.space().size() < 1'000'000);
}

}  // namespace divan::storage::js
