#include "storage/document/client_document.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace divan::storage {
namespace {

Error refusal(std::string_view json) {
    const auto document = parse_client_document(json);
    return document ? Error{Code::internal_error, "accepted", {}} : document.error();
}

Error bad_member(std::string_view name) {
    return {Code::doc_validation, "Bad special document member: " + std::string(name), {}};
}

std::string first_revision(std::string_view json) {
    const auto document = parse_client_document(json).value();
    return to_string(new_revision(document.deleted, nullptr, document.term, {}));
}

}  // namespace

TEST_CASE("documents: special members are taken apart, the body is what remains") {
    const auto document =
        parse_client_document(R"({"a":1,"_id":"x","_rev":"2-abc","b":{"_id":2},"_deleted":true})")
            .value();
    CHECK(document.id == "x");
    CHECK(to_string(*document.revision) == "2-abc");
    CHECK(document.deleted);
    CHECK(document.body == R"({"a":1,"b":{"_id":2}})");

    const auto empty = parse_client_document("{}").value();
    CHECK_FALSE(empty.id.has_value());
    CHECK_FALSE(empty.revision.has_value());
    CHECK_FALSE(empty.deleted);
    CHECK(empty.body == "{}");
}

TEST_CASE("documents: wherever special members stand, the body is well formed") {
    for (const char* json :
         {R"({"_id":"x","a":1,"b":2})", R"({"a":1,"_id":"x","b":2})", R"({"a":1,"b":2,"_id":"x"})",
          R"({"_id":"x","a":1,"_deleted":false,"b":2})",
          R"({"_conflicts":[],"_id":"x","a":0,"a":1,"b":2,"_local_seq":3})",
          R"({"b":3,"a":1,"_rev":"1-a","b":2,"_rev":"2-b"})", R"({"\u005fid":"x","a":1,"b":2})"}) {
        CAPTURE(json);
        const auto document = parse_client_document(json).value();
        CHECK(document.body == R"({"a":1,"b":2})");
        CHECK(document.term == parse_client_document(R"({"a":1,"b":2})")->term);
    }
    CHECK(parse_client_document(R"({"_id":"x","_deleted":true})")->body == "{}");
    CHECK(parse_client_document(R"({"_id":"x"})")->term == parse_client_document("{}")->term);
}

TEST_CASE("documents: known revision ids") {
    CHECK(first_revision(R"({"n":1})") == "1-731bef401491606a3b246ed178e697c1");
    CHECK(first_revision("{}") == "1-967a00dff5e02add41819138abb3284d");
    CHECK(first_revision(R"({"_deleted":true,"never":"alive"})") ==
          "1-30aced2d017cf5c97f3f784e9a74280b");

    const auto parent = parse_revision("2-b84d6bd70b26dcc83c4a254e35aac021").value();
    const auto child = parse_client_document(R"({"_deleted":false,"v":3})").value();
    CHECK(to_string(new_revision(false, &parent, child.term, {})) ==
          "3-2218910934fe6aa411c0360487c06db1");
    const auto odd_parent = parse_revision("2-b").value();
    const auto edit = parse_client_document(R"({"v":"an edit"})").value();
    CHECK(to_string(new_revision(false, &odd_parent, edit.term, {})) ==
          "3-2b0b4d8543858b1346799691ed84485b");
}

TEST_CASE("documents: attachments count in the revision, large bodies as small ones") {
    const AttachmentSeed seed{"x", "image/png", md5("x")};
    const auto term = parse_client_document("{}")->term;
    CHECK(to_string(new_revision(false, nullptr, term, {&seed, 1})) ==
          "1-38ef366e11409a6db4826590ff9fcb28");

    const auto larger = parse_client_document("{\"s\":\"" + std::string(7'990'000, 'x') + "\"}");
    CHECK(to_string(new_revision(false, nullptr, larger->term, {})) ==
          "1-dcd1e93e2e7ee534cdb14915cf5863e4");
}

TEST_CASE("documents: members with an underscore that are ignored, kept, or refused") {
    const auto ignored = parse_client_document(
        R"({"_conflicts":["1-a"],"_deleted_conflicts":5,"_revs_info":"x","_local_seq":{},"v":1})");
    CHECK(ignored->body == R"({"v":1})");
    constexpr std::string_view kept =
        R"({"_replication_id":"r","_replication_state":"s","_replication_state_time":"t",)"
        R"("_replication_state_reason":"w","_replication_stats":{},"_access":["me"]})";
    CHECK(parse_client_document(kept)->body == kept);

    for (const char* name :
         {"_", "_foo", "_ID", "_security", "_revision", "_attachment", "__proto__", "_f\u00e9"}) {
        CHECK(refusal("{\"" + std::string(name) + "\":1}") == bad_member(name));
    }
    for (const char* value : {"\"true\"", "1", "null", "[]"}) {
        CHECK(refusal("{\"_deleted\":" + std::string(value) + '}') == bad_member("_deleted"));
    }
}

TEST_CASE("documents: the first bad member is told, after all was read, and repeats do not count") {
    CHECK(refusal(R"({"_foo":1,"_id":5})") == bad_member("_foo"));
    CHECK(refusal(R"({"_id":5,"_foo":1})").code == Code::illegal_docid);
    CHECK(refusal(R"({"_id":5,"_foo":1)").reason == "invalid UTF-8 JSON");
    CHECK(refusal(R"({"_id":5} x)").reason == "invalid UTF-8 JSON");
    CHECK(parse_client_document(R"({"_id":5,"_id":"good"})")->id == "good");
    CHECK(parse_client_document(R"({"_id":"x"})").has_value());
}

TEST_CASE("documents: an id is a string that may be one") {
    const Error no_string{Code::illegal_docid, "Document id must be a string", {}};
    for (const char* value : {"5", "null", "[\"c\"]", "{}", "[]", "[97]"}) {
        CHECK(refusal("{\"_id\":" + std::string(value) + '}') == no_string);
    }
    CHECK(refusal(R"({"_id":""})").reason == "Document id must not be empty");
}

TEST_CASE("documents: a revision is text in the form of one") {
    for (const char* value :
         {"1", "null", "true", "[]", "{}", "\"\"", "\"abc\"", "\"1\"", "\"-1\""}) {
        CHECK(refusal("{\"_rev\":" + std::string(value) + '}') ==
              Error{Code::bad_request, "Invalid rev format", {}});
    }
}

TEST_CASE("documents: _revisions is read, and wins over _rev") {
    for (const char* json : {R"({"_revisions":{"start":2,"ids":["b","a"]},"_rev":"9-ignored"})",
                             R"({"_revisions":{"start":2,"ids":["b","a"]},"_rev":"nonsense"})",
                             R"({"_rev":"9-replaced","_revisions":{"start":2,"ids":["b","a"]}})"}) {
        CAPTURE(json);
        const auto document = parse_client_document(json).value();
        CHECK(document.revisions_start == 2);
        CHECK(document.revisions == std::vector{RevisionHash("b"), RevisionHash("a")});
        CHECK(to_string(*document.revision) == "2-b");
    }
    const std::pair<const char*, const char*> cases[] = {
        {R"({"start":"x","ids":[]})", "_revisions.start isn't an integer."},
        {R"({"ids":["a"]})", "_revisions.start isn't an integer."},
        {R"({"start":1})", "_revisions.ids isn't a array."},
        {R"({"start":1,"ids":"a"})", "_revisions.ids isn't a array."},
        {R"({"start":1,"ids":[5]})", "RevId isn't a string"},
        {R"({"start":1,"ids":["a",null]})", "RevId isn't a string"},
        {R"({"start":-1,"ids":["a"]})", "RevId isn't a string"},
        {R"({"start":1,"ids":["zz345678901234567890123456789012"]})",
         "RevId isn't a valid hexadecimal"},
        {"[]", "Bad special document member: _revisions"},
        {"null", "Bad special document member: _revisions"}};
    for (const auto& [value, reason] : cases) {
        CAPTURE(value);
        CHECK(refusal("{\"_revisions\":" + std::string(value) + '}') ==
              Error{Code::doc_validation, reason, {}});
    }
}

TEST_CASE("documents: attachments in each of their three forms") {
    const auto document = parse_client_document(R"({"_attachments":{
        "in":{"content_type":"image/png","data":" eA==\n","stub":false,"length":77,"revpos":9},
        "st":{"stub":true,"revpos":3,"data":"ignored"},
        "fo":{"follows":true,"content_type":"text/plain","length":12,"encoding":"gzip",
              "encoded_length":8,"digest":"md5-nZTkYSaMgDT1yFZOFVxnpg=="},
        "no object":1,"none":{"data":[]}}})")
                              .value();
    REQUIRE(document.attachments.size() == 4);

    const auto& inline_data = document.attachments[0];
    CHECK(inline_data.name == "in");
    CHECK(inline_data.kind == ClientAttachment::Kind::inline_data);
    CHECK(inline_data.content_type == "image/png");
    CHECK(inline_data.data == "x");
    CHECK(inline_data.revpos == 9);

    const auto& stub = document.attachments[1];
    CHECK(stub.kind == ClientAttachment::Kind::stub);
    CHECK(stub.content_type == "application/octet-stream");
    CHECK(stub.revpos == 3);

    const auto& follows = document.attachments[2];
    CHECK(follows.kind == ClientAttachment::Kind::follows);
    CHECK(follows.length == 12);
    CHECK(follows.encoded_length == 8);
    CHECK(follows.gzip);
    CHECK(follows.digest == "md5-nZTkYSaMgDT1yFZOFVxnpg==");
    CHECK_FALSE(follows.revpos.has_value());
    CHECK(document.attachments[3].data.empty());
    CHECK(document.body == "{}");
}

TEST_CASE("documents: repeated keys within special members do not count either") {
    const auto document =
        parse_client_document(
            R"({"_attachments":{"a":{"data":"***"},"b":{"data":"?","data":"eA=="},)"
            R"("a":{"data":"eQ=="}},)"
            R"("_revisions":{"start":"x","ids":["a"],"start":1},"v":{"w":1,"w":2}})")
            .value();
    REQUIRE(document.attachments.size() == 2);
    CHECK(document.attachments[0].data == "x");
    CHECK(document.attachments[1].data == "y");
    CHECK(document.revisions_start == 1);
    CHECK(document.body == R"({"v":{"w":2}})");
}

TEST_CASE("documents: what is no attachment is refused") {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"x":{"data":"not base64 !"}})", "Invalid attachment data for x"},
        {R"({"x":{"data":"YQ"}})", "Invalid attachment data for x"},
        {R"({"x":{"content_type":"image/png"}})", "Invalid attachment data for x"},
        {R"({"x":{"data":null}})", "Invalid attachment data for x"},
        {R"({"x":{"data":5}})", "Invalid attachment data for x"},
        {R"({"_x":{"data":"eQ=="}})", "Attachment name '_x' starts with prohibited character '_'"},
        {R"({"_x":{"data":"eQ=="},"y":{}})", "Invalid attachment data for y"},
        {R"({"x":{"content_type":5,"data":"eQ=="}})", "Attachment content_type must be a string"},
        {R"({"x":{"follows":true,"encoding":"br"}})", "Unknown attachment encoding"},
        {R"({"x":{"stub":true,"digest":"md5-x"}})", "Invalid attachment digest"}};
    for (const auto& [value, reason] : cases) {
        CAPTURE(value);
        CHECK(refusal("{\"_attachments\":" + std::string(value) + '}') ==
              Error{Code::bad_request, reason, {}});
    }
    CHECK(refusal(R"({"_attachments":[]})") == bad_member("_attachments"));
    CHECK(refusal(R"({"_attachments":"x"})") == bad_member("_attachments"));
}

TEST_CASE("documents: what is no object is refused as such, and no JSON before that") {
    for (const char* json : {"[]", "[{}]", "1", "\"text\"", "null", "true"}) {
        CHECK(refusal(json) == Error{Code::bad_request, "Document must be a JSON object", {}});
    }
    for (const char* json : {"", " \n", "[", "[] x", "nope"}) {
        CHECK(refusal(json) == Error{Code::bad_request, "invalid UTF-8 JSON", {}});
    }
}

TEST_CASE("documents: a deep one is read without a deep stack") {
    std::string json = "{\"d\":";
    for (int i = 0; i < 9'999; ++i) json += "{\"k\":";
    json += "1" + std::string(10'000, '}');
    CHECK(parse_client_document(json)->body == json);
}

}  // namespace divan::storage
