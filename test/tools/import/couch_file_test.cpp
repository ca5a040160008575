#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "storage/base/json.h"
#include "test/tools/import/couch_file_writer.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/database_file.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

const fs::path whole =
    "test/couch_files/3.5.0-snappy-q2/data/shards/80000000-ffffffff/legacy.1795242056.couch";

std::string contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

struct CopiedFile {
    fs::path path = fs::temp_directory_path() / ("divan_couch_file_" + std::to_string(::getpid()));
    explicit CopiedFile(const std::string& bytes) {
        std::ofstream(path, std::ios::binary) << bytes;
    }
    ~CopiedFile() { fs::remove(path); }
};

// Reads all there is; what cannot be read is counted.
struct Reading {
    std::set<std::string> ids;
    int damaged = 0;
    std::uint64_t sequence = 0;

    explicit Reading(const fs::path& path) {
        const DatabaseFile file(path);
        BlockFile::Window window;
        sequence = file.header().update_sequence;
        const auto note = [&](const std::string&) { ++damaged; };
        file.documents(
            [&](const FileDocument& document) {
                ids.insert(document.id);
                for (const auto& leaf : document.leaves) {
                    try {
                        const auto body = file.body(leaf.body, window);
                        for (const auto& attachment : body.attachments) {
                            file.attachment(attachment, [](std::string_view) {});
                        }
                    } catch (const Damage&) {
                        ++damaged;
                    }
                }
            },
            note);
        file.locals([](const FileLocal&) {}, note);
        file.purges([](const FilePurge&) {}, note);
    }
};

// What CouchDB 3.5.0 said of an old file of its own; see `old_fixtures`.
void check_fixture(const fs::path& path, const fs::path& answers) {
    CAPTURE(path.string());
    const auto prefix = path.parent_path().filename().string() + "." + path.stem().string();
    const auto answer = [&](const std::string& kind) {
        return parse_json(contents(answers / (prefix + "." + kind + ".json"))).value();
    };
    const auto fail = [](const std::string& what) { FAIL_CHECK(what); };
    const DatabaseFile file(path);

    std::map<std::string, std::string> expected;
    const auto all_docs = answer("all_docs");
    for (const auto& row : all_docs.find("rows")->items()) {
        std::string body = "{";
        for (const auto& [key, value] : row.find("doc")->members()) {
            if (key.starts_with('_')) continue;
            if (body.back() != '{') body += ",";
            body += json_string(key) + ":" + value.dump();
        }
        expected[row.find("id")->string()] = row.find("value")->find("rev")->string() + body + "}";
    }
    std::map<std::uint64_t, std::string> changes;
    std::map<std::string, std::string> found;
    BlockFile::Window window;
    file.documents(
        [&](const FileDocument& document) {
            changes[document.sequence] = document.id;
            const auto& leaf = document.leaves.front();
            found[document.id] = storage::to_string({leaf.generation, leaf.path.front()}) +
                                 parse_json(file.body(leaf.body, window).json).value().dump();
        },
        fail);
    CHECK(found == expected);

    std::map<std::uint64_t, std::string> expected_changes;
    const auto feed = answer("changes");
    for (const auto& row : feed.find("results")->items()) {
        expected_changes[static_cast<std::uint64_t>(*row.find("seq")->integer())] =
            row.find("id")->string();
    }
    CHECK(changes == expected_changes);
    CHECK(file.header().update_sequence ==
          static_cast<std::uint64_t>(*answer("info").find("update_seq")->integer()));

    std::set<std::string> locals;
    file.locals([&](const FileLocal& local) { locals.insert(local.id); }, fail);
    const auto local_docs = answer("local_docs");
    CHECK(locals.size() == local_docs.find("rows")->items().size());
    for (const auto& row : local_docs.find("rows")->items()) {
        CHECK(locals.contains(row.find("id")->string()));
    }
}

}  // namespace

TEST_CASE("couch file: old_fixtures, files of disk versions 6, 7 and 8 where they are at hand") {
    const fs::path folder = "../shared/couch-files/apache-fixtures";
    if (!fs::exists(folder)) {
        MESSAGE("the old files are not here: skipped");
        return;
    }
    std::set<int> versions;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().extension() != ".couch") continue;
        check_fixture(entry.path(), folder / "read-by-3.5.0");
        versions.insert(DatabaseFile(entry.path()).header().disk_version);
    }
    CHECK(versions == std::set<int>{6, 7, 8});
}

TEST_CASE("couch file: a torn tail falls back to the header before it") {
    const auto bytes = contents(whole);
    const Reading intact(whole);
    CHECK(intact.damaged == 0);
    CHECK(intact.ids.size() == 61);
    // The last header begins the last block: cut it in the middle.
    const auto last_block = (bytes.size() - 1) / 4096 * 4096;
    const CopiedFile torn(bytes.substr(0, last_block + 100));
    const Reading older(torn.path);
    CHECK(older.sequence <= intact.sequence);
    CHECK(older.sequence > 0);
    CHECK(older.damaged == 0);

    const CopiedFile garbled(bytes + std::string(10'000, 'x'));
    CHECK(Reading(garbled.path).ids == intact.ids);
    CHECK(DatabaseFile(garbled.path).torn_bytes() > 4096);
}

TEST_CASE("couch file: a damaged byte costs what it hit, and the rest is read") {
    const auto bytes = contents(whole);
    const Reading intact(whole);
    std::minstd_rand random(11);
    std::size_t most_lost = 0;
    int noticed = 0;
    for (int round = 0; round < 150; ++round) {
        auto damaged = bytes;
        const auto at = random() % (damaged.size() - 4096);
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
        const CopiedFile copy(damaged);
        const Reading read(copy.path);
        for (const auto& id : read.ids) CHECK(intact.ids.contains(id));
        most_lost = std::max(most_lost, intact.ids.size() - read.ids.size());
        if (read.damaged > 0) ++noticed;
    }
    CHECK(noticed > 0);
    // Two indexes name every document, so one damaged node loses none.
    CHECK(most_lost <= 1);
}

TEST_CASE("couch file: what is no database file is refused with a reason") {
    const CopiedFile empty("");
    CHECK_THROWS_AS(DatabaseFile(empty.path), Damage);
    const CopiedFile text(std::string(50'000, '\1'));
    CHECK_THROWS_AS(DatabaseFile(text.path), Damage);
    CHECK_THROWS_AS(DatabaseFile("test/couch_files/none.couch"), std::system_error);
}

TEST_CASE("couch file: bodies are the same in whatever order they are read") {
    CouchFileWriter writer({});
    std::minstd_rand random(5);
    for (int number = 0; number < 300; ++number) {
        const auto size = random() % 10 == 0 ? random() % 200'000 : random() % 3000;
        writer.add("d" + std::to_string(1000 + number),
                   {{1, {std::string(16, 'a')}, false,
                     R"({"text":")" + std::string(size, static_cast<char>('a' + number % 26)) +
                         "\"}",
                     {}}});
    }
    const CopiedFile copied(writer.finish());
    const DatabaseFile file(copied.path);
    std::vector<std::pair<std::uint64_t, std::string>> bodies;
    file.documents(
        [&](const FileDocument& document) {
            BlockFile::Window alone;
            const auto position = document.leaves[0].body;
            bodies.emplace_back(position, file.body(position, alone).json);
        },
        [](const std::string& what) { FAIL(what); });
    REQUIRE(bodies.size() == 300);
    BlockFile::Window window;
    const auto check_all = [&] {
        for (const auto& [position, json] : bodies) CHECK(file.body(position, window).json == json);
    };
    check_all();
    std::sort(bodies.begin(), bodies.end());
    check_all();
    std::reverse(bodies.begin(), bodies.end());
    check_all();
    std::shuffle(bodies.begin(), bodies.end(), random);
    check_all();
}

}  // namespace divan::import
