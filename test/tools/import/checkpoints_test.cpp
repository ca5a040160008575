#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "storage/database/catalog.h"
#include "storage/database/changes.h"
#include "storage/engine/rocks_engine.h"
#include "test/storage/couch_sequence_text.h"
#include "test/tools/import/couch_file_writer.h"
#include "tools/import/couch_file/data_folder.h"
#include "tools/import/couch_file/database_file.h"
#include "tools/import/run.h"

// Clients of the old server come to the imported database with the sequences that it gave them.
namespace divan::import {
namespace {

namespace fs = std::filesystem;
using storage::CouchShardSequence;

struct Imported {
    fs::path folder =
        fs::temp_directory_path() / ("divan_checkpoints_test_" + std::to_string(::getpid()));
    fs::path source;
    std::unique_ptr<storage::Engine> engine;
    std::unique_ptr<storage::Catalog> catalog;

    explicit Imported(fs::path from) : source(std::move(from)) {
        fs::remove_all(folder);
        run();
    }
    ~Imported() {
        close();
        fs::remove_all(folder);
    }
    void close() {
        catalog.reset();
        engine.reset();
    }
    // Ends as if killed after so many documents.
    void run(const RunOptions& options = {}) {
        close();
        const auto from = open_couch_folder(source);
        const auto target = open_folder_target(folder / "data");
        auto journal = Journal::begin(folder / "runs", source, "data");
        Counters counters;
        CHECK(run_import(*from, target.get(), journal, options, counters).finished());
    }
    std::shared_ptr<storage::Database> open(const std::string& name) {
        if (!engine) {
            engine = storage::open_rocks_engine(folder / "data", {});
            catalog = std::make_unique<storage::Catalog>(*engine);
        }
        return catalog->open(name);
    }
    // What is sent to a client that comes with this.
    std::set<std::string> sent(const std::string& name, const std::string& sequence) {
        const auto database = open(name);
        const auto since = database->parse_sequence(sequence).value();
        std::set<std::string> ids;
        storage::ChangesScan scan(database->view(), since);
        while (const auto* change = scan.next()) ids.insert(change->id);
        return ids;
    }
};

struct File {
    CouchShardSequence now;
    std::map<std::string, std::uint64_t> documents;  ///< Each at its last change.
};

std::vector<File> files_of(const fs::path& folder, const std::string& name) {
    std::vector<File> files;
    for (const auto& database : databases_in(folder, [](const std::string&) {})) {
        if (database.name != name) continue;
        for (std::size_t at = 0; at < database.files.size(); ++at) {
            const DatabaseFile file(database.files[at]);
            const auto& header = file.header();
            auto& one = files.emplace_back();
            one.now = {database.ranges[at].begin, database.ranges[at].end, header.update_sequence,
                       header.uuid.substr(0, 7), header.epochs.front().node};
            const auto remember = [&](const FileDocument& document) {
                one.documents[document.id] = document.sequence;
            };
            file.documents(remember, [](const std::string& what) { FAIL(what); });
        }
    }
    return files;
}

// At every share of the way, everything that changed later must be sent.
void check_database(const fs::path& source, const std::string& name) {
    CAPTURE(name);
    Imported imported(source);
    const auto files = files_of(source, name);
    REQUIRE_FALSE(files.empty());
    std::size_t documents = 0;
    for (const auto& file : files) documents += file.documents.size();
    std::vector<CouchShardSequence> now;
    for (const auto& file : files) now.push_back(file.now);
    CHECK(imported.sent(name, storage::couch_sequence_text(now)).empty());
    CHECK(imported.sent(name, "0").size() == documents);
    std::size_t repeated = 0;
    constexpr std::uint64_t steps = 20;
    for (std::uint64_t step = 0; step < steps; ++step) {
        auto then = now;
        for (auto& shard : then) shard.number = shard.number * step / steps;
        const auto ids = imported.sent(name, storage::couch_sequence_text(then));
        for (std::size_t at = 0; at < files.size(); ++at) {
            for (const auto& [id, sequence] : files[at].documents) {
                const bool lacks = sequence > then[at].number;
                if (lacks) CHECK(ids.contains(id));
                if (!lacks && ids.contains(id)) ++repeated;
            }
        }
    }
    CHECK(repeated <= documents * steps / 10);
    // Again, as after a first import from the server that still ran.
    imported.run();
    CHECK(imported.sent(name, storage::couch_sequence_text(now)).empty());
}

}  // namespace

TEST_CASE("checkpoints: clients of a folder's databases get what they lack, and little more") {
    check_database("test/couch_files/3.5.0-snappy-q2/data", "legacy");
    check_database("test/couch_files/3.5.0-none-q1/data", "legacy");
    check_database("test/couch_files/3.5.0-none-q1/data", "_users");
}

TEST_CASE("checkpoints: a single file's clients come with plain numbers") {
    const auto file = fs::temp_directory_path() /
                      ("divan_checkpoints_test_" + std::to_string(::getpid()) + ".couch");
    CouchFileWriter writer({});
    constexpr int count = 300;
    for (int number = 1; number <= count; ++number) {
        std::string hash(16, 'a');
        writer.add(fmt::format("d{:03}", number), {{1, {hash}, false, "{}", {}}});
    }
    std::ofstream(file, std::ios::binary) << writer.finish();
    Imported imported(file);
    const auto name = file.stem().string();
    for (int since = 0; since <= count + 3; ++since) {
        CAPTURE(since);
        std::set<std::string> lacked;
        for (int number = since + 1; number <= count; ++number) {
            lacked.insert(fmt::format("d{:03}", number));
        }
        CHECK(imported.sent(name, std::to_string(since)) == lacked);
    }
    fs::remove(file);
}

}  // namespace divan::import
