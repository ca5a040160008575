#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "storage/base/json.h"
#include "storage/document/client_document.h"

namespace divan::storage {
namespace {

/// What CouchDB sends back for a document called "d".
std::string read_back(const Revision& revision, const std::string& body) {
    std::string text = R"({"_id":"d","_rev":")" + to_string(revision) + '"';
    if (body != "{}") text += ',' + body.substr(1, body.size() - 2);
    return text + '}';
}

void check_line(const JsonValue& line) {
    const auto& sent = line.find("sent")->string();
    const auto* answer = line.find("answer");
    const auto document = parse_client_document(sent);
    CAPTURE(sent);
    if (answer->find("status")->integer() != 201) {
        CHECK(document.has_error());
        return;
    }
    REQUIRE(document.has_value());
    const auto revision = new_revision(false, nullptr, document->term, {});
    CHECK(to_string(revision) == answer->find("rev")->string());
    CHECK(read_back(revision, document->body) == answer->find("text")->string());
}

}  // namespace

// Each line is a text that was sent to CouchDB 3.5.0 as a document, and what it answered.
TEST_CASE("documents have the text and the revision that CouchDB gives them") {
    std::ifstream table("test/conformance/tables/json.jsonl");
    REQUIRE(table);
    int lines = 0;
    for (std::string line; std::getline(table, line); ++lines) {
        check_line(parse_json(line).value());
    }
    CHECK(lines == 1760);
}

}  // namespace divan::storage
