#include "storage/base/digest.h"

#include <doctest/doctest.h>

#include <random>
#include <string>

namespace divan {

TEST_CASE("md5: known digests, in one piece and in many") {
    CHECK(hex_encode(as_bytes(md5(""))) == "d41d8cd98f00b204e9800998ecf8427e");
    CHECK(hex_encode(as_bytes(md5("abc"))) == "900150983cd24fb0d6963f7d28e17f72");
    CHECK(hex_encode(as_bytes(md5("abc"))) == "900150983cd24fb0d6963f7d28e17f72");

    Md5 stream;
    stream.update("a");
    stream.update("");
    stream.update("bc");
    CHECK(stream.finish() == md5("abc"));
}

TEST_CASE("base64: known texts in both directions") {
    const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\xfb\xff\xfe", "+//+"}};
    for (const auto& [bytes, text] : cases) {
        CAPTURE(text);
        CHECK(base64_encode(bytes) == text);
        CHECK(base64_decode(text) == bytes);
    }
    CHECK(base64url_encode("\xfb\xff\xfe") == "-__-");
    CHECK(base64url_encode("f") == "Zg");
}

TEST_CASE("base64: white space is passed over, as by Erlang") {
    CHECK(base64_decode(" Z m\r\n9\tv ") == "foo");
    CHECK(base64_decode("Zm9vYg= = \n") == "foob");
    CHECK(base64_decode(" \n") == "");
}

TEST_CASE("base64: what is none is told") {
    for (const char* bad : {"Z", "Zg", "Zg=", "Zm9", "Zg==Zg==", "=", "====", "Z===", "Zg=a",
                            "Zm9-", "Zm\v9v", "Zm9v!", "Zm9vYg==x", "\xc3\xa9"}) {
        CAPTURE(bad);
        CHECK_FALSE(base64_decode(bad).has_value());
    }
}

TEST_CASE("base64 and hexadecimal: any bytes come back") {
    std::mt19937 random(3);
    for (int round = 0; round < 2'000; ++round) {
        std::string bytes(random() % 70, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(random());
        CHECK(base64_decode(base64_encode(bytes)) == bytes);
        CHECK(hex_decode(hex_encode(bytes)) == bytes);
    }
}

TEST_CASE("hexadecimal: both cases are read, anything else is told") {
    CHECK(hex_decode("00fFaB") == std::string("\0\xff\xab", 3));
    CHECK(hex_encode("\xff\x01") == "ff01");
    for (const char* bad : {"0", "0g", "g0", "0x10", " 00"}) {
        CAPTURE(bad);
        CHECK_FALSE(hex_decode(bad).has_value());
    }
}

}  // namespace divan
