#include <doctest/doctest.h>

#include "server/handlers/documents/byte_ranges.h"
#include "storage/base/digest.h"
#include "storage/document/attachment.h"
#include "test/support/test_server.h"

namespace divan::test {
namespace {

using server::ByteRange;

std::string rev_of(const Reply& reply) {
    const auto at = reply.body.find("\"rev\":\"");
    REQUIRE(at != std::string::npos);
    const auto start = at + 7;
    return reply.body.substr(start, reply.body.find('"', start) - start);
}

std::string reason_of(const Reply& reply) {
    const auto at = reply.body.find("\"reason\":\"");
    if (at == std::string::npos) return reply.body;
    return reply.body.substr(at + 10, reply.body.find('"', at + 10) - at - 10);
}

std::string digest_of(std::string_view bytes) {
    return base64_encode(as_bytes(md5(bytes)));
}

/// Bytes that do not repeat, so that a piece in the wrong place shows.
std::string patterned(std::size_t size) {
    std::string bytes;
    bytes.reserve(size + 8);
    for (std::uint64_t i = 0; bytes.size() < size; ++i) bytes += std::to_string(i * 7919) + ",";
    bytes.resize(size);
    return bytes;
}

Reply put_png(TestServer& server, const std::string& target, std::string_view bytes) {
    return server.request("PUT", target, bytes, {{"Content-Type", "image/png"}});
}

}  // namespace

TEST_CASE("byte ranges are read as CouchDB reads them") {
    using Ranges = std::vector<ByteRange>;
    struct Row {
        const char* header;
        std::optional<Ranges> ranges;
        bool refused = false;
    };
    const Row rows[] = {
        {"bytes=0-3", Ranges{{0, 3}}},
        {"bytes=7-", Ranges{{7, 9}}},
        {"bytes=7", Ranges{{7, 9}}},
        {"bytes=-3", Ranges{{7, 9}}},
        {"bytes=-9", Ranges{{1, 9}}},
        {"bytes=-10", Ranges{{1, 9}}},
        {"bytes=-30", Ranges{{1, 9}}},
        {"bytes=5-100", Ranges{{5, 9}}},
        {"bytes=0-99999999999999999999", Ranges{{0, 9}}},
        {"bytes=+1--2", Ranges{{1, 2}}},
        {"bytes=0-0, 4-5,-2", Ranges{{0, 0}, {4, 5}, {8, 9}}},
        {"bytes=", Ranges{}},
        {"bytes=0-", std::nullopt},
        {"bytes=1-2,0-", std::nullopt},
        {"items=0-3", std::nullopt},
        {"bytes=x-y", std::nullopt},
        {"bytes=1-2-3", std::nullopt},
        {"bytes=-", std::nullopt},
        {"0-3", std::nullopt},
        {"bytes=99999999999999999999-", std::nullopt, true},
        {"bytes=4-2", std::nullopt, true},
        {"bytes=10-", std::nullopt, true},
        {"bytes=10-12", std::nullopt, true},
        {"bytes=-0", std::nullopt, true},
        {"bytes=--5", std::nullopt, true},
        {"bytes=0-1,4-2", std::nullopt, true},
    };
    for (const auto& row : rows) {
        CAPTURE(row.header);
        const std::string header = row.header;
        const auto parsed = server::parse_byte_ranges(&header, 10);
        REQUIRE(parsed.has_error() == row.refused);
        if (!row.refused) CHECK((*parsed == row.ranges));
    }
    for (const std::string header : {"bytes=0-0", "bytes=-5", "bytes=1"}) {
        CHECK(server::parse_byte_ranges(&header, 0).has_error());
    }
    CHECK_FALSE(server::parse_byte_ranges(nullptr, 10)->has_value());
}

TEST_CASE("gzip is for those who accept it") {
    const auto takes = [](std::string header) { return server::accepts_gzip(&header); };
    CHECK_FALSE(*server::accepts_gzip(nullptr));
    for (const char* header : {"gzip", "deflate, gzip;q=0.5", "*", "br;q=1.0, *;q=0.1"}) {
        CAPTURE(header);
        CHECK(*takes(header));
    }
    for (const char* header : {"", "identity", "gzip;q=0", "br, deflate", "gzip;q=0, *", "gzip;q=x",
                               "gzip;q=2"}) {
        CAPTURE(header);
        CHECK_FALSE(*takes(header));
    }
    CHECK(takes("identity;q=0").error().code == Code::not_acceptable);
    CHECK(takes("*;q=0").error().code == Code::not_acceptable);
}

TEST_CASE("an attachment is put, read, replaced and deleted") {
    TestServer server;
    server.create_database("db");
    const auto created = put_png(server, "/db/a/dir/logo.png", "pixels");
    CHECK(created.status == 201);
    CHECK(created.header("location").ends_with("/db/a/dir%2Flogo.png"));
    CHECK(created.header("etag").empty());

    const auto read = server.get("/db/a/dir/logo.png");
    CHECK(read == Reply{200, "pixels", {}});
    CHECK(read.header("content-type") == "image/png");
    CHECK(read.header("etag") == "\"05mEggjai4CjBq8P1iuwPw==\"");
    CHECK(read.header("accept-ranges") == "bytes");
    CHECK(read.header("content-security-policy") == "sandbox");
    CHECK(read.header("content-length") == "6");

    CHECK(put_png(server, "/db/a/dir/logo.png", "other").status == 409);
    const auto unknown = put_png(server, "/db/a/x?rev=1-abc", "other");
    CHECK(unknown == Reply{409, "{\"error\":\"not_found\",\"reason\":\"missing_rev\"}\n", {}});
    const auto rev = rev_of(put_png(server, "/db/a/x?rev=" + rev_of(created), "other"));
    CHECK(server.get("/db/a").body ==
          R"({"_id":"a","_rev":")" + rev +
              R"(","_attachments":{"x":{"content_type":"image/png","revpos":2,)"
              R"("digest":"md5-eV8yArF8trw9S3cdjGyerw==","length":5,"stub":true},)"
              R"("dir/logo.png":{"content_type":"image/png","revpos":1,)"
              R"("digest":"md5-05mEggjai4CjBq8P1iuwPw==","length":6,"stub":true}}})" "\n");

    CHECK(server.del("/db/a/x").status == 409);
    CHECK(reason_of(server.del("/db/a/y")) == "Document is missing attachment");
    CHECK(server.del("/db/a/x?rev=" + rev).status == 200);
    CHECK(reason_of(server.get("/db/a/x")) == "Document is missing attachment");
    CHECK(server.get("/db/a/x?rev=" + rev).body == "other");
}

TEST_CASE("a document made again by an attachment gets CouchDB's revision, and revpos 1") {
    TestServer server;
    server.create_database("db");
    auto rev = rev_of(server.put("/db/a", R"({"keep":"me"})"));
    rev = rev_of(put_png(server, "/db/a/x?rev=" + rev, "x"));
    CHECK(rev == "2-d0d4c40dd80ddf950ce37702fa0e924d");
    rev = rev_of(server.del("/db/a?rev=" + rev));
    CHECK(put_png(server, "/db/a/x?rev=" + rev, "x").status == 409);
    CHECK(rev_of(put_png(server, "/db/a/x", "anew")) == "4-21d728d9295a8892d8a692eb39e79186");
    CHECK(server.get("/db/a").body.find("\"revpos\":1,") != std::string::npos);
}

TEST_CASE("a large attachment comes back whole, in ranges, and packed or not") {
    TestServer server;
    server.create_database("db");
    const auto bytes = patterned((5U << 20) + 12345);
    CHECK(put_png(server, "/db/a/x", bytes).status == 201);
    const auto whole = server.get("/db/a/x");
    CHECK(whole.header("content-length") == std::to_string(bytes.size()));
    CHECK(whole.header("etag") == "\"" + digest_of(bytes) + "\"");
    CHECK((whole.body == bytes));
    const auto part = server.request("GET", "/db/a/x", {}, {{"Range", "bytes=262140-2000000"}});
    CHECK(part.status == 206);
    CHECK(part.header("content-range") ==
          "bytes 262140-2000000/" + std::to_string(bytes.size()));
    CHECK((part.body == bytes.substr(262140, 2000000 - 262140 + 1)));

    CHECK(server.request("PUT", "/db/b/x", bytes, {{"Content-Type", "text/plain"}}).status == 201);
    const auto unpacked = server.get("/db/b/x");
    CHECK(unpacked.header("accept-ranges") == "none");
    CHECK(unpacked.header("content-length") == std::to_string(bytes.size()));
    CHECK((unpacked.body == bytes));
    const auto packed = server.request("GET", "/db/b/x", {}, {{"Accept-Encoding", "gzip"}});
    CHECK(packed.header("content-encoding") == "gzip");
    CHECK(packed.header("etag") == "\"" + digest_of(packed.body) + "\"");
    CHECK(packed.body.size() < bytes.size());
}

TEST_CASE("an upload that comes gzipped stays as it is") {
    TestServer server;
    server.create_database("db");
    storage::GzipWriter gzip;
    std::string packed;
    gzip.write("some text", packed);
    gzip.finish(packed);
    CHECK(server.request("PUT", "/db/a/x", packed,
                         {{"Content-Type", "image/png"}, {"Content-Encoding", "GZIP"}})
              .status == 201);
    CHECK(server.get("/db/a/x").body == "some text");
    CHECK(server.request("GET", "/db/a/x", {}, {{"Accept-Encoding", "gzip"}}).body == packed);
    CHECK(server.request("PUT", "/db/b/x", packed, {{"Content-Encoding", "br"}}).status == 415);
    CHECK(server.get("/db/b").status == 404);
}

TEST_CASE("several ranges come in parts, ten come as the whole") {
    TestServer server;
    server.create_database("db");
    put_png(server, "/db/a/x", "0123456789abcdef");
    const auto two = server.request("GET", "/db/a/x", {}, {{"Range", "bytes=0-1,-2"}});
    CHECK(two.status == 206);
    const auto type = two.header("content-type");
    REQUIRE(type.starts_with("multipart/byteranges; boundary=\""));
    const auto line = "\r\n--" + type.substr(32, type.size() - 33);
    CHECK(two.body == line.substr(2) +
                          "\r\nContent-Type: image/png\r\nContent-Range: bytes 0-1/16\r\n\r\n01" +
                          line +
                          "\r\nContent-Type: image/png\r\nContent-Range: bytes 14-15/16\r\n\r\nef" +
                          line + "--");
    std::string ten = "bytes=0-0";
    for (int i = 1; i < 10; ++i) ten += ",0-0";
    CHECK(server.request("GET", "/db/a/x", {}, {{"Range", ten}}).status == 200);
    CHECK(server.request("GET", "/db/a/x", {}, {{"Range", "bytes=16-"}}).status == 416);
}

TEST_CASE("multipart/related: parts go to the attachments that follow, in their order") {
    TestServer server;
    server.create_database("db");
    const auto put = [&](const std::string& target, const std::string& json,
                         const std::vector<std::string>& parts) {
        std::string body = "--abc\r\nContent-Type: application/json\r\n\r\n" + json;
        for (const auto& part : parts) body += "\r\n--abc\r\n\r\n" + part;
        return server.request("PUT", target, body + "\r\n--abc--",
                              {{"Content-Type", "multipart/related; boundary=\"abc\""}});
    };
    const auto large = patterned(3U << 20);
    const std::string follows = R"({"follows":true,"content_type":"image/png","length":)";
    CHECK(put("/db/a",
              R"({"v":1,"_attachments":{"one":)" + follows + std::to_string(large.size()) +
                  R"(},"in":{"data":"aW5saW5l"},"two":)" + follows + "3}}}",
              {large, "abc", "surplus"})
              .status == 201);
    CHECK((server.get("/db/a/one").body == large));
    CHECK(server.get("/db/a/in").body == "inline");
    CHECK(server.get("/db/a/two").body == "abc");

    const auto one = [&](const std::string& length) {
        return "{\"_attachments\":{\"x\":" + follows + length + "}}}";
    };
    CHECK(reason_of(put("/db/b", one("50"), {"hello"})) == "attachment shorter than expected");
    CHECK(reason_of(put("/db/b", one("5"), {})) == "attachment shorter than expected");
    CHECK(reason_of(put("/db/b", one("3"), {"hello"})) == "attachment longer than expected");
    CHECK(put("/db/b", one("5,\"digest\":\"md5-eV8yArF8trw9S3cdjGyerw==\""), {"hello"}).status ==
          400);
    CHECK(put("/db/b", "{\"x\"", {"hello"}).status == 400);
    CHECK(server.get("/db/b").status == 404);

    const auto sent = server.request("GET", "/db/a?attachments=true");
    CHECK(sent.header("content-type").starts_with("multipart/related; boundary="));
    CHECK(sent.body.find(large) != std::string::npos);
    const auto inlined = server.request("GET", "/db/a?attachments=true", {},
                                        {{"Accept", "application/json"}});
    CHECK(inlined.body.find("\"data\":\"aW5saW5l\"") != std::string::npos);
}

TEST_CASE("a form of this host sends files; one of elsewhere does not") {
    TestServer server;
    server.create_database("db");
    const std::string host = "localhost";  // What the test's client says.
    const auto post = [&](const std::string& referer, const std::string& field,
                          const std::string& value) {
        const std::string head = "--abc\r\nContent-Disposition: form-data; name=\"";
        return server.request(
            "POST", "/db/a",
            head + field + "\"\r\n\r\n" + value + "\r\n" + head +
                "_attachments\"; filename=\"f.png\"\r\nContent-Type: image/png\r\n\r\npixels" +
                "\r\n--abc--",
            {{"Content-Type", "multipart/form-data; boundary=abc"}, {"Referer", referer}});
    };
    CHECK(reason_of(post("http://elsewhere.example/", "_doc", "{}")) ==
          "Referer header must match host.");
    const auto created = post("http://" + host + "/page", "_doc", R"({"from":"a form"})");
    CHECK(created.status == 201);
    CHECK(server.get("/db/a/f.png").body == "pixels");
    CHECK(post("http://" + host + "/", "_rev", rev_of(created)).status == 201);
}

TEST_CASE("attachments beyond the limit are refused, by their announced length or as they come") {
    TestServer server("[couchdb]\nmax_attachment_size = 20\n");
    server.create_database("db");
    CHECK(put_png(server, "/db/a/x", std::string(20, 'x')).status == 201);
    const auto refused = put_png(server, "/db/b/x", std::string(21, 'x'));
    CHECK(refused == Reply{413, "{\"error\":\"attachment_too_large\",\"reason\":\"x\"}\n", {}});
    CHECK(server.put("/db/c", R"({"_attachments":{"big":{"data":")" + std::string(40, 'A') +
                                  "\"}}}").status == 413);
    HttpClient client(server.port());
    client.send("PUT /db/b/x HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n"
                "Transfer-Encoding: chunked\r\n\r\n15\r\n" +
                std::string(21, 'x') + "\r\n0\r\n\r\n");
    CHECK(client.receive().status == 413);
    CHECK(server.get("/db/b").status == 404);
}

TEST_CASE("an upload or a download that breaks off harms nobody else") {
    TestServer server;
    server.create_database("db");
    const auto bytes = patterned(4U << 20);
    put_png(server, "/db/a/x", bytes);
    const std::string head = " HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\n";
    {
        HttpClient uploading(server.port());
        uploading.send("PUT /db/b/x" + head + "Content-Length: 9000000\r\n\r\n" + bytes);
        uploading.hang_up();
        HttpClient downloading(server.port());
        downloading.send("GET /db/a/x" + head + "\r\n");
        CHECK(downloading.receive_head().status == 200);
        downloading.hang_up();
    }
    CHECK(server.get("/db/b").status == 404);
    CHECK((server.get("/db/a/x").body == bytes));
}

TEST_CASE("attachments are still there after a restart") {
    TestServer server;
    server.create_database("db");
    const auto bytes = patterned(2U << 20);
    put_png(server, "/db/a/x", bytes);
    server.restart();
    CHECK((server.get("/db/a/x").body == bytes));
}

}  // namespace divan::test
