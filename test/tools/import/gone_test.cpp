#include <doctest/doctest.h>

#include "test/tools/import/given_database.h"
#include "tools/import/gone.h"
#include "tools/import/report.h"

namespace divan::import {
namespace {

const std::string checkpoint = R"({"session_id":"x","history":[{"session_id":"x"}],"last_seq":1})";

struct Gone : GivenImport {
    Gone() : GivenImport("gone") {
        source.made.tells_all_locals = true;
        source.made.given_locals = {{"_local/a", 2, checkpoint}, {"_local/b", 1, checkpoint},
                                    {"_local/mine", 1, R"({"n":1})"},
                                    {"_local/stays", 1, checkpoint}};
    }
    Journal begin(const RunOptions& options = {}) const {
        return Journal::begin(folder / "runs", "given", "data", choice_of(options));
    }
    DatabaseReport run(Journal& journal, const RunOptions& options = {}) {
        Counters counters;
        auto report = run_import(source, target.get(), journal, options, counters);
        CHECK(report.finished());
        journal.set_state("finished");
        return report.databases[0];
    }
    std::optional<LocalDocument> local(const std::string& name) {
        return target->open_existing("given")->read_local("_local/" + name);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Gone, "gone: checkpoints go with the source's, what else was brought is told") {
    auto first = begin();
    CHECK(run(first).checkpoints_removed == 0);
    target->open_existing("given")->write_local({"_local/b", 5, checkpoint});
    source.made.given_locals = {source.made.given_locals.back()};
    source.made.tells_all_locals = false;
    auto second = begin();
    CHECK(run(second).locals_left_count == 0);  // Of such a source nobody knows.
    CHECK(local("a"));

    source.made.tells_all_locals = true;
    auto third = begin();
    const auto report = run(third);
    CHECK(report.checkpoints_removed == 1);
    CHECK_FALSE(local("a"));
    CHECK(local("b"));  // Somebody goes on with it here.
    CHECK(local("mine"));
    CHECK(local("stays"));
    CHECK(report.locals_left == std::set<std::string>{"_local/b", "_local/mine"});
    const auto text = run_text(third.head(), {{report}, false, {}, {"other"}});
    CHECK(text.find("1 checkpoints of clients removed") != std::string::npos);
    CHECK(text.find("until you delete them: _local/b _local/mine\n") != std::string::npos);
    CHECK(text.find("other: the source no longer has this database") != std::string::npos);

    roll_back(*target, third);
    REQUIRE(local("a"));
    CHECK(local("a")->json == checkpoint);
    CHECK(local("a")->edits == 2);
}

TEST_CASE_FIXTURE(Gone, "gone: a checkpoint that came again in a later run goes, too") {
    auto first = begin();
    run(first);
    source.made.given_locals[0].edits = 7;
    auto second = begin();
    run(second);
    CHECK(local("a")->edits == 7);
    source.made.given_locals.erase(source.made.given_locals.begin());
    auto third = begin();
    CHECK(run(third).checkpoints_removed == 1);
    CHECK_FALSE(local("a"));
    CHECK(local("b"));
}

TEST_CASE_FIXTURE(Gone, "gone: what a run that was rolled back brought is nobody's") {
    target->open({"given", false, "", 1000, 1000})->write_local({"_local/other", 1, "{}"});
    auto first = begin();
    run(first);
    roll_back(*target, first);
    target->open({"given", false, "", 1000, 1000})->write_local({"_local/a", 2, checkpoint});
    source.made.given_locals.clear();
    auto second = begin();
    const auto report = run(second);
    CHECK(report.checkpoints_removed == 0);
    CHECK(report.locals_left_count == 0);
    CHECK(local("a"));
}

TEST_CASE_FIXTURE(Gone, "gone: databases that an import made, under their new names") {
    RunOptions options;
    options.rename = {{"given", "new/name"}};
    auto first = begin(options);
    run(first, options);
    const auto brought = Journal::brought(folder / "runs", "given");
    REQUIRE(brought.size() == 1);
    CHECK(brought[0].name == "given");
    CHECK(brought[0].database == "new/name");
    CHECK(brought[0].run == first.head().id);
    CHECK(Journal::brought(folder / "runs", "elsewhere").empty());

    CHECK(gone_databases(brought, {"given"}, {}).empty());
    const auto gone = gone_databases(brought, {"other"}, {});
    REQUIRE(gone.size() == 1);
    CHECK(left_at(*target, "data", gone) == std::vector<std::string>{"new/name"});
    CHECK(left_at(*target, "another", gone).empty());
    RunOptions others;
    others.databases = {"oth*"};
    CHECK(gone_databases(brought, {"other"}, others).empty());
    RunOptions taken;
    taken.rename = {{"other", "new/name"}};
    CHECK(gone_databases(brought, {"other"}, taken).empty());
    target->erase("new/name");
    CHECK(left_at(*target, "data", gone).empty());
    roll_back(*target, first);
    CHECK(Journal::brought(folder / "runs", "given").empty());
}

}  // namespace divan::import
