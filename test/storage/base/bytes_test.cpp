#include "storage/base/bytes.h"

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace divan {
namespace {

Bytes ordered(BytesView bytes) {
    Bytes out;
    ByteWriter(out).ordered(bytes);
    return out;
}

Bytes random_key(std::mt19937& random) {
    Bytes key;
    for (auto left = random() % 5; left > 0; --left) {
        key.push_back("\x00\x01\x02\xfe\xff"[random() % 5]);
    }
    return key;
}

}  // namespace

TEST_CASE("bytes: what was written is read back") {
    Bytes out;
    ByteWriter writer(out);
    writer.u8(200);
    writer.u32(0x01020304);
    writer.u64(std::numeric_limits<std::uint64_t>::max() - 1);
    const std::vector<std::uint64_t> numbers = {
        0, 127, 128, 300, 1ULL << 35, std::numeric_limits<std::uint64_t>::max()};
    for (const auto number : numbers) writer.varint(number);
    writer.sized("sized");
    writer.ordered(BytesView("or\0dered", 8));
    writer.raw("raw");

    ByteReader reader(out);
    CHECK(reader.u8() == 200);
    CHECK(reader.u32() == 0x01020304);
    CHECK(reader.u64() == std::numeric_limits<std::uint64_t>::max() - 1);
    for (const auto number : numbers) CHECK(reader.varint() == number);
    CHECK(reader.sized() == "sized");
    CHECK(reader.ordered() == BytesView("or\0dered", 8));
    CHECK(reader.raw(3) == "raw");
    CHECK(reader.empty());
}

TEST_CASE("bytes: ordered bytes sort like what they hold, whatever follows") {
    std::mt19937 random(7);
    for (int round = 0; round < 20'000; ++round) {
        const Bytes a = random_key(random), b = random_key(random);
        const Bytes after_a = random_key(random), after_b = random_key(random);
        const Bytes left = ordered(a) + after_a, right = ordered(b) + after_b;
        if (a == b) continue;
        CHECK((a < b) == (left < right));
    }
}

TEST_CASE("bytes: what is cut short or malformed throws") {
    const auto throws = [](BytesView bytes, auto read) {
        ByteReader reader(bytes);
        CHECK_THROWS_AS(read(reader), CorruptBytes);
    };
    throws("", [](ByteReader& in) { in.u8(); });
    throws("abc", [](ByteReader& in) { in.u32(); });
    throws("abcdefg", [](ByteReader& in) { in.u64(); });
    throws("\xff\xff", [](ByteReader& in) { in.varint(); });
    throws("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", [](ByteReader& in) { in.varint(); });
    throws(
        "\x05"
        "abcd",
        [](ByteReader& in) { in.sized(); });
    throws("abc", [](ByteReader& in) { in.ordered(); });
    throws(BytesView("a\0b", 3), [](ByteReader& in) { in.ordered(); });
}

}  // namespace divan
