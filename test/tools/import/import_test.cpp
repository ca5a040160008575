#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tools/import/couch_file/damage.h"
#include "tools/import/plan.h"
#include "tools/import/report.h"
#include "tools/import/run.h"
#include "tools/import/verify.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

const char* const couch = "test/couch_files/3.5.0-snappy-q2/data";

// A folder of the test's own with a target and journals in it.
struct Import {
    fs::path folder =
        fs::temp_directory_path() / ("divan_import_test_" + std::to_string(::getpid()));
    std::unique_ptr<Source> source = open_couch_folder(couch);
    std::unique_ptr<Target> target;

    Import() {
        fs::remove_all(folder);
        target = open_folder_target(folder / "data");
    }
    ~Import() {
        target.reset();
        fs::remove_all(folder);
    }
    Journal begin() const { return Journal::begin(folder / "runs", couch, "data"); }
    RunReport run(Journal& journal, const RunOptions& options = {}) {
        Counters counters;
        return run_import(*source, target.get(), journal, options, counters);
    }
    std::uint64_t differences(const std::string& name, const std::string& there) {
        std::uint64_t count = 0;
        const auto from = source->open(name);
        verify_database(*from, *target->open_existing(there), [&](const Difference& one) {
            MESSAGE(one.database << ": " << one.what << ": " << one.how);
            ++count;
        });
        return count;
    }
    std::unique_ptr<TargetDatabase> legacy() { return target->open_existing("legacy"); }
};

Document document(const std::string& id, const std::string& json, char hash) {
    Leaf leaf{1, {storage::RevisionHash(std::string(16, hash))}, false, json, {}};
    return {id, {leaf}, id};
}

void write(TargetDatabase& database, Document document) {
    std::vector<Document> documents;
    documents.push_back(std::move(document));
    database.write(std::move(documents), [](const Failure& one) { FAIL_CHECK(one.reason); });
}

}  // namespace

TEST_CASE_FIXTURE(Import, "import: a data folder arrives whole, and the comparison proves it") {
    auto journal = begin();
    const auto report = run(journal);
    CHECK(report.finished());
    CHECK(report.failures() == 0);
    CHECK(report.databases.size() == 5);
    for (const auto& name : source->names()) CHECK(differences(name, name) == 0);

    const auto again = run(journal);
    CHECK(again.finished());
    for (const auto& database : again.databases) CHECK(database.documents == 0);
}

TEST_CASE_FIXTURE(Import, "import: the comparison tells what is not the same") {
    auto journal = begin();
    RunOptions only;
    only.databases = {"legacy"};
    run(journal, only);
    const auto database = legacy();
    const auto there = database->read({"alpha/000002", "alpha/000082"});
    REQUIRE(there[0].leaves.size() == 1);
    database->purge({{"alpha/000002", {there[0].leaves[0].revision()}, true}});
    write(*database, document("alpha/000082", R"({"other":1})", 'x'));
    write(*database, document("unheard-of", "{}", 'y'));
    database->erase_local("_local/checkpoint");
    // A leaf that is gone; one too many; a local document. The number of documents is the same.
    CHECK(differences("legacy", "legacy") == 3);
}

TEST_CASE_FIXTURE(Import, "import: goes on after the last document that was written down") {
    auto journal = begin();
    RunOptions only;
    only.databases = {"legacy"};
    target->open({"legacy", false, "", 1000, 1000});
    journal.note_new_database("legacy");
    journal.note_position("legacy", {0, "60,60", false});
    // Whoever was killed then left half a line.
    std::ofstream(journal.folder() / "positions.jsonl", std::ios::app) << R"({"database":"leg)";

    auto resumed = Journal::reopen(folder / "runs", journal.head().id);
    CHECK(Journal::unfinished(folder / "runs", couch, "data") == journal.head().id);
    const auto report = run(resumed, only);
    const auto whole = take_inventory(*source->open("legacy"));
    CHECK(report.databases[0].documents < whole.documents + whole.deleted);
    CHECK(report.databases[0].documents > 0);
    const auto third = Journal::reopen(folder / "runs", journal.head().id);
    CHECK(third.position("legacy").finished);
}

TEST_CASE_FIXTURE(Import, "import: a database with an impossible name is an error of the run") {
    RunOptions options;
    options.databases = {"legacy"};
    options.rename = {{"legacy", "Legacy"}};
    auto journal = begin();
    const auto report = run(journal, options);
    CHECK_FALSE(report.finished());
    CHECK(report.databases[0].error.find("--rename") != std::string::npos);
    CHECK_THROWS_AS(open_source("no/such/file"), Damage);
    fs::create_directories(folder / "empty");
    CHECK_THROWS_AS(open_source(folder / "empty"), Damage);
}

TEST_CASE_FIXTURE(Import, "import: a run knows which databases it was told, in any order") {
    RunOptions options;
    CHECK(choice_of(options) == "{}");
    options.databases = {"b*", "a"};
    options.rename = {{"a", "\"x\""}};
    const auto journal = Journal::begin(folder / "runs", couch, "data", choice_of(options));
    options.databases = {"a", "b*"};
    const auto again = Journal::reopen(folder / "runs", journal.head().id);
    CHECK(again.head().choice == choice_of(options));
    options.databases = {"a"};
    CHECK(again.head().choice != choice_of(options));
}

TEST_CASE_FIXTURE(Import, "import: what is undone leaves what was there before") {
    auto before = begin();
    RunOptions only;
    only.databases = {"legacy"};
    only.rename = {{"legacy", "kept"}};
    write(*target->open({"kept", false, "", 1000, 1000}), document("mine", R"({"a":1})", 'm'));
    run(before, only);
    CHECK(differences("legacy", "kept") == 2);  // "mine"; _security stays the target's

    auto other = begin();
    run(other);
    const auto taken = roll_back(*target, other);
    CHECK(taken > 0);
    CHECK_FALSE(target->exists("legacy"));
    CHECK(target->exists("kept"));
    CHECK(other.head().state == "rolled back");

    roll_back(*target, before);
    REQUIRE(target->exists("kept"));
    CHECK(target->open_existing("kept")->document_count() == 1);
    CHECK(target->open_existing("kept")->read({"mine"})[0].leaves.size() == 1);
}

TEST_CASE_FIXTURE(Import, "import: documents that the target changed are kept, or refused") {
    const auto there = target->open({"legacy", false, "", 1000, 1000});
    write(*there, document("alpha/000002", R"({"mine":true})", 'm'));
    RunOptions options;
    options.databases = {"legacy"};

    SUBCASE("skip") {
        options.on_conflict = OnConflict::skip;
        auto journal = begin();
        const auto report = run(journal, options);
        CHECK(report.databases[0].skipped == 1);
        CHECK(report.failures() == 0);
        CHECK(legacy()->read({"alpha/000002"})[0].leaves.size() == 1);
    }
    SUBCASE("fail") {
        options.on_conflict = OnConflict::fail;
        auto journal = begin();
        CHECK(run(journal, options).failures() == 1);
    }
    SUBCASE("keep both") {
        auto journal = begin();
        CHECK(run(journal, options).failures() == 0);
        CHECK(legacy()->read({"alpha/000002"})[0].leaves.size() == 2);
    }
}

TEST_CASE_FIXTURE(Import, "import: a dry run reads all and writes nothing") {
    auto journal = begin();
    RunOptions options;
    options.dry_run = true;
    Counters counters;
    const auto report = run_import(*source, nullptr, journal, options, counters);
    CHECK(report.finished());
    CHECK(report.databases.size() == 5);
    CHECK_FALSE(target->exists("legacy"));
}

TEST_CASE_FIXTURE(Import, "import: names that are not there are refused, patterns choose") {
    RunOptions options;
    options.databases = {"leg*", "_users"};
    CHECK(chosen(source->names(), options).size() == 4);
    options.databases = {"nothing"};
    CHECK_THROWS_AS(chosen(source->names(), options), std::invalid_argument);
}

TEST_CASE_FIXTURE(Import, "import: the plan counts what is there") {
    const auto legacy = take_inventory(*source->open("legacy"));
    CHECK(legacy.documents == 107);
    CHECK(legacy.deleted == 14);
    CHECK(legacy.conflicts == 15);
    CHECK(legacy.designs == 1);
    CHECK(legacy.locals == 1);
    CHECK(legacy.remarks.empty());
    CHECK(plan_text({legacy}, {"a note"}, {}).find("note: a note") != std::string::npos);
}

}  // namespace divan::import
