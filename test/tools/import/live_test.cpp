#include <doctest/doctest.h>

#include "storage/base/json.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/ends.h"
#include "tools/import/live/outgoing.h"
#include "tools/import/live/spool.h"

namespace divan::import {
namespace {

std::string text_of(const SpooledBytes& bytes) {
    std::string text;
    bytes.read([&](std::string_view piece) { text += piece; });
    return text;
}

Attachment attachment(const std::string& bytes) {
    Attachment attachment;
    attachment.name = "a\"b";
    attachment.content_type = "text/plain";
    attachment.revpos = 2;
    attachment.length = 1000;
    attachment.stored_length = bytes.size();
    attachment.digest = md5(bytes);
    attachment.read = [bytes](const TakeBytes& take) { take(bytes); };
    return attachment;
}

}  // namespace

TEST_CASE("spooled bytes come back whole, few or many, one after the other") {
    const auto spool = std::make_shared<Spool>();
    for (const std::size_t size : {0U, 10U, 64U << 10, (64U << 10) + 1, 700'000U}) {
        std::string bytes(size, '\0');
        for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<char>(at * 31 + size);
        SpooledBytes spooled(spool);
        for (std::size_t at = 0; at < size; at += 50'000) {
            spooled.append(std::string_view(bytes).substr(at, 50'000));
        }
        CHECK(spooled.size() == size);
        CHECK(spooled.digest() == md5(bytes));
        CHECK(text_of(spooled) == bytes);
        std::string pieces;
        while (spooled.read_piece(pieces.size(), 1000, pieces) > 0) {}
        CHECK(pieces == bytes);
    }
}

TEST_CASE("spooled bytes that come at the same time do not mix") {
    const auto spool = std::make_shared<Spool>();
    SpooledBytes one(spool), other(spool);
    for (int step = 0; step < 10; ++step) {
        one.append(std::string(30'000, static_cast<char>('a' + step)));
        other.append(std::string(20'000, static_cast<char>('A' + step)));
    }
    const auto text = text_of(one);
    CHECK(text.size() == 300'000);
    CHECK(text.substr(30'000, 30'000) == std::string(30'000, 'b'));
    CHECK(one.digest() == md5(text));
    CHECK(text_of(other).substr(180'000) == std::string(20'000, 'J'));
}

TEST_CASE("a leaf goes out with its history, and its attachments follow") {
    Leaf leaf{2,
              {storage::RevisionHash(std::string(16, 'b')),
               storage::RevisionHash(std::string(16, 'a'))},
              true,
              R"({"n":1})",
              {attachment("bytes")}};
    leaf.attachments[0].gzip = true;
    const auto sent = outgoing("an \"id\"", leaf);
    CHECK(sent.attachment_bytes == std::vector<std::uint64_t>{5});
    const auto json = parse_json(sent.json).value();
    CHECK(json.find("_id")->string() == "an \"id\"");
    CHECK(json.find("_deleted")->boolean());
    CHECK(json.find("n")->integer() == 1);
    CHECK(json.find("_revisions")->find("start")->integer() == 2);
    CHECK(json.find("_revisions")->find("ids")->items()[1].string() ==
          "61616161616161616161616161616161");
    const auto* stub = json.find("_attachments")->find("a\"b");
    REQUIRE(stub);
    CHECK(stub->find("encoding")->string() == "gzip");
    CHECK(stub->find("encoded_length")->integer() == 5);
    CHECK(stub->find("length")->integer() == 1000);
    CHECK(stub->find("follows")->boolean());

    leaf.attachments.clear();
    leaf.deleted = false;
    leaf.json = "{}";
    CHECK(parse_json(outgoing("x", leaf).json).value().members().size() == 3);
}

TEST_CASE("an attachment whose bytes are others than they should be is not sent") {
    Leaf leaf{1, {storage::RevisionHash(std::string(16, 'a'))}, false, "{}", {attachment("x")}};
    CHECK_NOTHROW(LeafBytes{leaf});
    leaf.attachments[0].digest = md5("y");
    CHECK_THROWS_AS(LeafBytes{leaf}, Damage);
    leaf.attachments[0].digest.reset();
    leaf.attachments[0].stored_length = 2;
    CHECK_THROWS_AS(LeafBytes{leaf}, Damage);
}

TEST_CASE("what is shown and written down of an end has no password in it") {
    CHECK(shown("http://ann:pa%40ss@host:5984/db") == "http://host:5984/db");
    CHECK(shown("/var/lib/couchdb") == "/var/lib/couchdb");
    CHECK(is_running_server("https://host/"));
    CHECK_FALSE(is_running_server("./data"));
}

}  // namespace divan::import
