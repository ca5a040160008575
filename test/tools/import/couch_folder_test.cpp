#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "test/tools/import/couch_file_writer.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/data_folder.h"
#include "tools/import/couch_file/database_file.h"
#include "tools/import/source.h"

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
    BlockFile::Window window;
    const auto body = file.body(leaf.body, window);
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

namespace {

struct Folder {
    fs::path path =
        fs::temp_directory_path() / ("divan_couch_folder_test_" + std::to_string(::getpid()));
    std::vector<std::string> remarks;

    Folder() {
        fs::remove_all(path);
        fs::copy("test/couch_files/3.5.0-snappy-q2/data", path, fs::copy_options::recursive);
    }
    ~Folder() { fs::remove_all(path); }
    std::map<std::string, FolderDatabase> read() {
        remarks.clear();
        std::map<std::string, FolderDatabase> databases;
        const auto told = [&](const std::string& remark) { remarks.push_back(remark); };
        for (auto& one : databases_in(path, told)) databases[one.name] = std::move(one);
        return databases;
    }
    bool told(const std::string& what) const {
        return std::any_of(remarks.begin(), remarks.end(), [&](const std::string& remark) {
            return remark.find(what) != std::string::npos;
        });
    }
    fs::path shard() const { return read_only().files.front(); }
    FolderDatabase read_only() const {
        for (auto& one : databases_in(path, [](const std::string&) {})) {
            if (one.name == "legacy") return one;
        }
        return {};
    }
};

std::string written(const std::function<void(CouchFileWriter&)>& fill,
                    const CouchFileWriter::Options& options = {}) {
    CouchFileWriter writer(options);
    fill(writer);
    return writer.finish();
}

}  // namespace

TEST_CASE_FIXTURE(Folder, "couch folder: a node's own databases do not hide those of the cluster") {
    fs::copy_file(shard(), path / "_users.couch");
    fs::copy_file(shard(), path / "legacy.couch");
    fs::copy_file(shard(), path / "single.couch");
    auto databases = read();
    CHECK(databases.size() == 6);
    CHECK(databases["_users"].files.size() == 2);
    CHECK(databases["legacy"].files.size() == 2);
    CHECK(databases["legacy"].ranges.size() == 2);
    CHECK(databases["legacy"].ranges[1].end == 0xffffffff);
    CHECK(databases["single"].ranges.empty());
    CHECK(told("_users.couch: not read"));
    CHECK(told("legacy.couch: not read"));

    fs::remove(path / "_dbs.couch");
    databases = read();
    CHECK(databases["legacy"].files.size() == 2);
    CHECK(told("legacy.couch: not read"));
}

TEST_CASE_FIXTURE(Folder, "couch folder: what a crash at the end of a compaction left is read") {
    const auto file = shard();
    // One that is still being written beside its database is not.
    std::ofstream(fs::path(file) += ".compact.data") << "x";
    fs::copy_file(file, fs::path(file) += ".compact");
    CHECK(read_only().files.front() == file);
    fs::remove(file);
    auto databases = read();
    CHECK(databases["legacy"].missing.empty());
    CHECK(databases["legacy"].files.size() == 2);
    CHECK(databases["legacy"].files.front().extension() == ".compact");
    CHECK(told("a crash left it so"));

    fs::remove(fs::path(file) += ".compact");
    CHECK(read()["legacy"].missing == std::vector<fs::path>{file});
}

TEST_CASE_FIXTURE(Folder, "couch folder: deleted databases are told, and where the data is") {
    auto deleted = shard();
    deleted.replace_extension(".20240102.030405.deleted.couch");
    fs::copy_file(shard(), deleted);
    CHECK(read().size() == 5);
    CHECK(told("of a deleted database"));

    const auto outer = fs::path(path) += ".outer";
    fs::remove_all(outer);
    fs::create_directories(outer);
    fs::copy(path, outer / "data", fs::copy_options::recursive);
    const auto read_outer = [&] { databases_in(outer, [](const std::string&) {}); };
    CHECK_THROWS_WITH_AS(read_outer(), doctest::Contains("give that: "), Damage);
    fs::remove_all(outer);
}

TEST_CASE_FIXTURE(Folder, "couch folder: names and links that look like something else") {
    const auto file = shard();
    fs::create_directories(path / "clinic_design");
    fs::copy_file(file, path / "clinic_design" / "notes.couch");
    fs::create_directories(path / ".clinic_design");
    fs::copy_file(file, path / ".clinic_design" / "index.couch");
    const auto elsewhere = fs::path(path) += ".elsewhere";
    fs::remove_all(elsewhere);
    fs::create_directories(elsewhere);
    fs::copy_file(file, elsewhere / "moved.couch");
    fs::create_directory_symlink(elsewhere, path / "linked");
    fs::create_directory_symlink(path, path / "clinic_design" / "loop");
    const auto databases = read();
    CHECK(databases.size() == 7);
    CHECK(databases.contains("clinic_design/notes"));
    CHECK(databases.contains("linked/moved"));
    fs::remove_all(elsewhere);
}

namespace {

void add_one(CouchFileWriter& writer) {
    writer.add("a", {{1, {std::string(16, 'a')}, false, "{}", {}}});
}

CouchFileWriter::Options of_version(char version) {
    CouchFileWriter::Options options;
    options.change = [version](std::string& piece) {
        const auto at = piece.find("db_header");
        // After the tag of a small integer.
        if (at != std::string::npos) piece[at + std::string_view("db_header").size() + 1] = version;
    };
    return options;
}

}  // namespace

TEST_CASE_FIXTURE(Folder, "couch file: a newer version is refused, not read as it once was") {
    const auto file = path / "new.couch";
    std::ofstream(file, std::ios::binary) << written(add_one);
    CHECK(DatabaseFile(file).header().disk_version == 8);
    std::ofstream(file, std::ios::binary | std::ios::app) << written(add_one, of_version(9));
    CHECK_THROWS_WITH_AS(DatabaseFile{file}, doctest::Contains("disk version 9"), Damage);
    CHECK_THROWS_WITH_AS(DatabaseFile{file}, doctest::Contains("the URL of that server"), Damage);
}

TEST_CASE_FIXTURE(Folder, "couch file: an older version is refused, and what to do is said") {
    const auto file = path / "old.couch";
    std::ofstream(file, std::ios::binary) << written(add_one, of_version(4));
    CHECK_THROWS_WITH_AS(DatabaseFile{file}, doctest::Contains("disk version 4"), Damage);
    CHECK_THROWS_WITH_AS(DatabaseFile{file}, doctest::Contains("CouchDB 0.10 wrote it"), Damage);
    CHECK_THROWS_WITH_AS(DatabaseFile{file}, doctest::Contains("CouchDB 1 to 3 compact it"),
                         Damage);
    std::ofstream(file, std::ios::binary) << written(add_one, of_version(2));
    CHECK_THROWS_WITH_AS(DatabaseFile{file}, doctest::Contains("CouchDB 1.0 or 1.1"), Damage);
    // It costs the others nothing.
    std::ofstream(path / "good.couch", std::ios::binary) << written(add_one);
    const auto source = open_couch_folder(path);
    CHECK_NOTHROW(source->open("good"));
    CHECK_THROWS_WITH_AS(source->open("old"), doctest::Contains("compact it"), Damage);
}

TEST_CASE_FIXTURE(Folder, "couch file: damage in the order of changes costs no document") {
    constexpr int count = 400;
    for (const bool of_changes : {true, false}) {
        CAPTURE(of_changes);
        int nodes = 0;
        CouchFileWriter::Options options;
        options.snappy = false;
        const auto file = path / "damaged.couch";
        const auto fill = [](CouchFileWriter& writer) {
            for (int n = 0; n < count; ++n) {
                const std::string hash(16, 'a');
                writer.add(std::to_string(1000 + n), {{1, {hash}, false, "{}", {}}});
            }
        };
        // The nodes of the index by id come first.
        options.change = [&](std::string& piece) {
            const auto at = piece.find("kv_node");
            if (at == std::string::npos) return;
            ++nodes;
            const int wanted = of_changes ? 30 : 3;
            if (nodes == wanted) piece[at] = 'x';
        };
        std::ofstream(file, std::ios::binary) << written(fill, options);
        const auto source = open_couch_folder(file);
        std::set<std::string> ids;
        int failures = 0;
        source->open("damaged")->documents(
            0, {}, [&](const Document& document) { ids.insert(document.id); },
            [&](const Failure&) { ++failures; });
        CHECK(ids.size() == count);
        CHECK((failures > 0) == of_changes);
        CHECK(nodes > 40);
    }
}

}  // namespace divan::import
