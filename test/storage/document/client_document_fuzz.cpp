#include <doctest/doctest.h>

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "storage/base/json.h"
#include "storage/base/json_normaliser.h"
#include "storage/document/client_document.h"

// Strategy: take documents that CouchDB was sent, and change them at random places: bytes replaced,
// left out, inserted from a list of what JSON is made of, pieces doubled or cut off. The seed is
// fixed, so that a failure comes again.
//
// Invariants, of whatever comes out:
// - nothing crashes, and nothing is read beyond the text (the sanitizers watch that);
// - what is accepted has a body that is read again to itself, and to the same revision, but for
//   the sign of -0.0, which the text does not show;
// - the tree of a text prints as the normaliser writes it;
// - a document is accepted in a bulk request exactly where it is accepted alone, and is the same.

namespace divan::storage {
namespace {

constexpr int rounds = 30'000;

constexpr const char* pieces[] = {"{",
                                  "}",
                                  "[",
                                  "]",
                                  ",",
                                  ":",
                                  "\"",
                                  "\\",
                                  "\\u",
                                  "\\ud83d",
                                  "\\ude00",
                                  "0",
                                  "-",
                                  "1e",
                                  "e+",
                                  ".5",
                                  "-0.0",
                                  "1e400",
                                  "99999999999999999999",
                                  "true",
                                  "null",
                                  " ",
                                  "\n",
                                  "\t",
                                  "\xc3",
                                  "\xff",
                                  "\x01",
                                  "\"a\":1,",
                                  "\"_id\":\"x\",",
                                  "\"_rev\":\"1-a\",",
                                  "\"_deleted\":true,",
                                  "{}",
                                  "[]",
                                  "[1,2]",
                                  "\"_attachments\":{\"a\":{\"data\":\"eA==\"}},",
                                  "\"_revisions\":{\"start\":1,\"ids\":[\"a\"]},"};

std::vector<std::string> read_seeds() {
    std::ifstream table("test/conformance/tables/json.jsonl");
    std::vector<std::string> seeds;
    for (std::string line; std::getline(table, line);) {
        seeds.push_back(parse_json(line)->find("sent")->string());
    }
    return seeds;
}

std::string mutated(std::string text, std::mt19937& random) {
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
        const std::size_t at = random() % (text.size() + 1);
        const std::size_t count = random() % 8;
        switch (random() % 5) {
            case 0: text.insert(at, pieces[random() % std::size(pieces)]); break;
            case 1: text.erase(at, count); break;
            case 2: text.insert(at, text.substr(random() % (text.size() + 1), 4 * count)); break;
            case 3:
                if (at < text.size()) text[at] = static_cast<char>(random());
                break;
            default:
                if (random() % 8 == 0) text.resize(at);
        }
    }
    return text;
}

void check_tree(const std::string& text) {
    JsonNormaliser normaliser;
    std::string normalised;
    const bool read = normaliser.load(text) && normaliser.value() && normaliser.at_end();
    if (read) normaliser.append_live_text(normalised);
    const auto tree = parse_json(text);
    REQUIRE(tree.has_value() == read);
    if (read) REQUIRE(tree->dump() == normalised);
}

void check_document(const std::string& text) {
    const auto document = parse_client_document(text);
    const auto bulk = parse_bulk_docs("{\"docs\":[" + text + "]}");
    // Text that only closes the brackets around it is no document, but may be a bulk request.
    if (parse_json(text)) REQUIRE(bulk.has_value() == document.has_value());
    if (!document) return;
    REQUIRE(bulk->docs.size() == 1);
    REQUIRE(bulk->docs[0].body == document->body);
    REQUIRE(bulk->docs[0].term == document->term);

    const auto again = parse_client_document(document->body);
    // The members that stay in a body for all their underscore are the only ones there.
    REQUIRE(again.has_value());
    REQUIRE(again->body == document->body);
    if (text.find('-') == std::string::npos) REQUIRE(again->term == document->term);
}

}  // namespace

TEST_CASE("client documents: no text breaks what is promised of them") {
    const auto seeds = read_seeds();
    REQUIRE_FALSE(seeds.empty());
    std::mt19937 random(20'241'121);
    for (int round = 0; round < rounds; ++round) {
        const auto text = mutated(seeds[random() % seeds.size()], random);
        CAPTURE(text);
        check_tree(text);
        check_document(text);
    }
}

}  // namespace divan::storage
