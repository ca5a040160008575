#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "tools/import/couch_file/data_folder.h"
#include "tools/import/couch_file/database_file.h"

// Data folders that CouchDB 3.5.0 wrote, against what CouchDB itself said of them.
namespace divan::import {
namespace {

namespace fs = std::filesystem;

void complain(const std::string& what) {
    FAIL_CHECK(what);
}

std::string digest_text(const FileAttachment& attachment) {
    return "md5-" + base64_encode(attachment.digest);
}

std::string attachments_text(const DatabaseFile& file, const FileBody& body) {
    std::map<std::string, std::string> sorted;
    for (const auto& attachment : body.attachments) {
        std::uint64_t bytes = 0;
        file.attachment(attachment, [&](std::string_view part) { bytes += part.size(); });
        CHECK(bytes == attachment.encoded_length);
        sorted[attachment.name] = attachment.content_type + " " +
                                  std::to_string(attachment.revpos) + " " +
                                  digest_text(attachment);
    }
    std::string text;
    for (const auto& [name, what] : sorted) text += "\n  " + name + ": " + what;
    return text;
}

// A leaf as one text, the same from a file and from CouchDB's own words.
std::string leaf_text(const DatabaseFile& file, const FileLeaf& leaf) {
    std::string text = storage::to_string({leaf.generation, leaf.path.front()});
    text += leaf.deleted ? " deleted" : "";
    for (std::size_t at = 0; at < leaf.path.size(); ++at) {
        text += " " + storage::to_string({leaf.generation - at, leaf.path[at]});
    }
    const auto body = file.body(leaf.body);
    return text + "\n  " + parse_json(body.json).value().dump() + attachments_text(file, body);
}

std::string truth_text(const JsonValue& leaf) {
    std::string text = leaf.find("_rev")->string();
    text += leaf.find("_deleted") ? " deleted" : "";
    const auto* revisions = leaf.find("_revisions");
    auto generation = *revisions->find("start")->integer();
    for (const auto& id : revisions->find("ids")->items()) {
        text += " " + std::to_string(generation--) + "-" + id.string();
    }
    text += "\n  {";
    for (const auto& [key, value] : leaf.members()) {
        if (key.starts_with('_')) continue;
        if (text.back() != '{') text += ",";
        text += json_string(key) + ":" + value.dump();
    }
    text += "}";
    std::map<std::string, std::string> sorted;
    if (const auto* attachments = leaf.find("_attachments")) {
        for (const auto& [name, stub] : attachments->members()) {
            sorted[name] = stub.find("content_type")->string() + " " +
                           std::to_string(*stub.find("revpos")->integer()) + " " +
                           stub.find("digest")->string();
        }
    }
    for (const auto& [name, what] : sorted) text += "\n  " + name + ": " + what;
    return text;
}

using Documents = std::map<std::string, std::set<std::string>>;  ///< Leaves by id.

Documents documents_of(const FolderDatabase& database) {
    Documents documents;
    for (const auto& path : database.files) {
        const DatabaseFile file(path);
        CHECK(file.torn_bytes() == 0);
        file.documents(
            [&](const FileDocument& document) {
                auto& leaves = documents[document.id];
                for (const auto& leaf : document.leaves) leaves.insert(leaf_text(file, leaf));
            },
            complain);
    }
    return documents;
}

std::map<std::string, std::string> locals_of(const FolderDatabase& database) {
    std::map<std::string, std::string> locals;
    for (const auto& path : database.files) {
        DatabaseFile(path).locals(
            [&](const FileLocal& local) {
                if (local.id.starts_with("_local/purge-")) return;  // the indexes' own
                locals[local.id] = "0-" + std::to_string(local.revision) +
                                   parse_json(local.json).value().dump();
            },
            complain);
    }
    return locals;
}

void check_database(const FolderDatabase& database, const fs::path& truth) {
    CAPTURE(truth.string());
    std::ifstream lines(truth);
    std::string line;
    REQUIRE(std::getline(lines, line));
    const auto info = parse_json(line).value();
    CHECK(database.name == info.find("db")->string());
    CHECK(database.missing.empty());
    CHECK(database.partitioned == (info.find("props")->find("partitioned") != nullptr));
    const auto security = DatabaseFile(database.files.front()).security();
    CHECK(parse_json(security).value().dump() == info.find("security")->dump());

    std::map<std::string, std::string> locals;
    for (const auto& local : info.find("local_docs")->items()) {
        std::string body = "{";
        for (const auto& [key, value] : local.members()) {
            if (key.starts_with('_')) continue;
            if (body.back() != '{') body += ",";
            body += json_string(key) + ":" + value.dump();
        }
        locals[local.find("_id")->string()] = local.find("_rev")->string() + body + "}";
    }
    CHECK(locals_of(database) == locals);

    Documents expected;
    while (std::getline(lines, line)) {
        const auto document = parse_json(line).value();
        auto& leaves = expected[document.find("id")->string()];
        for (const auto& leaf : document.find("leaves")->items()) leaves.insert(truth_text(leaf));
    }
    const auto found = documents_of(database);
    CHECK(found.size() == expected.size());
    for (const auto& [id, leaves] : expected) {
        CAPTURE(id);
        REQUIRE(found.contains(id));
        CHECK(found.at(id) == leaves);
    }
}

void check_folder(const std::string& folder) {
    const auto root = fs::path("test/couch_files") / folder;
    std::map<std::string, FolderDatabase> databases;
    for (auto& database : databases_in(root / "data", complain)) {
        databases[database.name] = std::move(database);
    }
    CHECK(databases.size() == 5);
    CHECK(databases.contains("_users"));
    for (const auto& truth : fs::directory_iterator(root / "truth")) {
        auto name = truth.path().stem().string();
        std::replace(name.begin(), name.end(), '~', '/');
        REQUIRE(databases.contains(name));
        check_database(databases.at(name), truth.path());
    }
}

}  // namespace

TEST_CASE("couch folder: two shards, snappy, xxHash128 checksums") {
    check_folder("3.5.0-snappy-q2");
}

TEST_CASE("couch folder: one shard, no compression, MD5 checksums") {
    check_folder("3.5.0-none-q1");
}

TEST_CASE("couch folder: a single file is a database of its own") {
    const auto found = databases_in(
        "test/couch_files/3.5.0-none-q1/data/shards/00000000-ffffffff/legacy.1795242062.couch",
        complain);
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == "legacy");
}

}  // namespace divan::import
