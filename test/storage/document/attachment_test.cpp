#include "storage/document/attachment.h"

#include <doctest/doctest.h>

namespace divan::storage {
namespace {

StoredAttachment text_attachment() {
    StoredAttachment attachment;
    attachment.name = "a \"b\".txt";
    attachment.content_type = "text/plain";
    attachment.revpos = 3;
    attachment.digest = md5("hello");
    attachment.stored_bytes = 25;
    attachment.identity_bytes = 5;
    attachment.encoding = AttachmentEncoding::gzip;
    return attachment;
}

std::string gzipped(std::string_view text, std::size_t piece) {
    GzipWriter gzip;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += piece) gzip.write(text.substr(at, piece), out);
    gzip.finish(out);
    return out;
}

std::string base64_md5(std::string_view bytes) {
    return base64_encode(as_bytes(md5(bytes)));
}

std::string unpacked(std::string_view bytes, std::size_t out_bytes_max) {
    Inflater inflater(Inflater::Rest::passed_over);
    std::string all;
    while (!bytes.empty() || inflater.holds_more()) {
        std::string out;
        const auto before = bytes.size();
        unpack_step(inflater, bytes, out, out_bytes_max);
        REQUIRE(out.size() <= out_bytes_max + (64U << 10));
        REQUIRE((bytes.size() < before || !out.empty()));
        all += out;
    }
    CHECK(inflater.finished());
    return all;
}

std::string repeated(std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

}  // namespace

TEST_CASE("attachments are told as stubs, as parts that follow, and with their data") {
    const auto attachment = text_attachment();
    const std::string head =
        R"("a \"b\".txt":{"content_type":"text/plain","revpos":3,)"
        R"("digest":"md5-XUFAKrxLKna5cZ2REBfFkg==",)";
    std::string out;

    SUBCASE("stub") {
        append_attachment_stub(out, attachment, {});
        CHECK(out == head + R"("length":5,"stub":true})");
    }
    SUBCASE("stub with the encoding") {
        append_attachment_stub(out, attachment, {true});
        CHECK(out == head + R"("length":5,"stub":true,"encoding":"gzip","encoded_length":25})");
    }
    SUBCASE("follows") {
        append_attachment_follows(out, attachment, {true});
        CHECK(out == head + R"("length":5,"follows":true,"encoding":"gzip","encoded_length":25})");
    }
    SUBCASE("data") {
        append_attachment_data(out, attachment, {}, "hello");
        CHECK(out == head + R"("data":"aGVsbG8="})");
    }
}

TEST_CASE("an attachment that is not packed shows no encoding") {
    auto attachment = text_attachment();
    attachment.encoding = AttachmentEncoding::identity;
    std::string out;
    append_attachment_stub(out, attachment, {true});
    CHECK(out.find("encoding") == std::string::npos);
}

TEST_CASE("types are compressible by name, by kind, whatever their case and parameters") {
    constexpr std::string_view types = "text/*, application/javascript,application/json , ";
    for (const char* type : {"text/plain", "TEXT/html", "text/css; charset=utf-8",
                             "application/json", " application/json ;x=1"}) {
        CAPTURE(type);
        CHECK(is_compressible(type, types));
    }
    for (const char* type : {"image/png", "application/jsonp", "application/x-json", "", "text",
                             "nonsense"}) {
        CAPTURE(type);
        CHECK_FALSE(is_compressible(type, types));
    }
    CHECK_FALSE(is_compressible("text/plain", ""));
}

TEST_CASE("gzip is CouchDB's, byte for byte, however the bytes arrive") {
    // The digests are those that CouchDB 3.5.0 gave these texts.
    const auto compress_me = repeated("compress me ", 50);
    const auto text_text = repeated("text, text, text\n", 20000);
    for (const std::size_t piece : {1U, 7U, 4096U, 1U << 20}) {
        CAPTURE(piece);
        CHECK(base64_md5(gzipped(compress_me, piece)) == "YlFVW4Ujzbg2oGXbZvi9LQ==");
        CHECK(base64_md5(gzipped(text_text, piece)) == "DJeB2OnFW7rl0OMI4IQdZQ==");
        CHECK(base64_md5(gzipped("some text to store", piece)) == "jiWM9pZyWWgfQ40/fvjTuQ==");
    }
    CHECK(gzipped("", 1).size() == 20);
}

TEST_CASE("what was packed unpacks, in steps that never grow far beyond what was asked for") {
    for (const auto& text : {std::string(), std::string("x"), std::string(3U << 20, '\0'),
                             repeated("some words ", 100000)}) {
        const auto packed = gzipped(text, 1U << 16);
        for (const std::size_t step : {1U << 10, 1U << 16, 1U << 24}) {
            CAPTURE(text.size());
            CAPTURE(step);
            CHECK(unpacked(packed, step) == text);
        }
    }
}

TEST_CASE("several packed pieces in a row unpack as one, and padding is no harm") {
    const auto packed = gzipped("one ", 9) + gzipped("two", 9);
    CHECK(unpacked(packed, 1U << 16) == "one two");
    CHECK(unpacked(packed + std::string(8, '\0'), 1U << 16) == "one two");
}

TEST_CASE("bytes that are no gzip are refused, and stay refused") {
    Inflater inflater;
    std::string out;
    BytesView bytes = "this is no gzip";
    CHECK_THROWS_AS(unpack_step(inflater, bytes, out, 1000), Refused);
    const auto packed = gzipped("x", 1);
    bytes = packed;
    CHECK_THROWS_AS(unpack_step(inflater, bytes, out, 1000), Refused);
    CHECK_FALSE(inflater.finished());
}

TEST_CASE("a gzip that breaks off is not finished") {
    const auto packed = gzipped(repeated("text ", 100), 1000);
    Inflater inflater;
    std::string out;
    auto bytes = BytesView(packed).substr(0, packed.size() - 9);
    while (!bytes.empty() || inflater.holds_more()) unpack_step(inflater, bytes, out, 10000);
    CHECK_FALSE(inflater.finished());
}

}  // namespace divan::storage
