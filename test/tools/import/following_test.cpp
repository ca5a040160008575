#include <doctest/doctest.h>

#include "test/tools/import/given_database.h"
#include "tools/import/run.h"
#include "tools/import/verify.h"

// Rounds of `run --continuous`.
namespace divan::import {
namespace {

struct Following : GivenImport {
    std::optional<Journal> journal;
    Rounds rounds;

    Following() : GivenImport("following") {
        source.made.about.security = "{}";
        source.made.given = {one_leaf("a", "{}", 'a'), one_leaf("b", "{}", 'b'),
                             one_leaf("c", "{}", 'c')};
        journal.emplace(Journal::begin(folder / "runs", "given", "data"));
    }
    RunReport round(Follow follow = Follow::changes) {
        RunOptions options;
        options.follow = follow;
        Counters counters;
        auto report = run_import(source, target.get(), *journal, options, counters, rounds);
        CHECK(report.finished());
        CHECK(report.failures() == 0);
        return report;
    }
    void purge(const std::string& id, char hash) {
        auto& made = source.made;
        made.given_purges.push_back({id, {{1, storage::RevisionHash(std::string(16, hash))}}});
        made.given_purge_sequence = std::to_string(made.given_purges.size());
        std::erase_if(made.given, [&](const Document& one) { return one.id == id; });
    }
    std::unique_ptr<TargetDatabase> there() { return target->open_existing("given"); }
    std::uint64_t differences() {
        std::uint64_t count = 0;
        verify_database(source.made, *there(), [&](const Difference& one) {
            MESSAGE(one.what << ": " << one.how);
            ++count;
        });
        return count;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Following, "following: purges come along, and are read where they are new") {
    source.made.given_purge_sequence = "0";
    auto report = round(Follow::no);
    CHECK(*source.made.purges_read == 1);
    round();
    CHECK(*source.made.purges_read == 1);
    purge("a", 'a');
    CHECK(round().databases[0].purges == 1);
    CHECK(*source.made.purges_read == 2);
    CHECK(there()->document_count() == 2);
    report.add(round());
    CHECK(*source.made.purges_read == 2);
    purge("b", 'b');
    report.add(round(Follow::all));
    CHECK(report.databases[0].purges == 1);
    CHECK(differences() == 0);
}

TEST_CASE_FIXTURE(Following, "following: purges of a source without a sequence are looked for") {
    round(Follow::no);
    round();
    CHECK(*source.made.purges_read == 2);
    purge("b", 'b');
    source.made.given_purge_sequence.reset();
    CHECK(round().databases[0].purges == 1);
    CHECK(differences() == 0);
}

TEST_CASE_FIXTURE(Following, "following: what came back after its purge stays, though no change") {
    source.made.given_purge_sequence = "0";
    round(Follow::no);
    purge("a", 'a');
    source.made.given.insert(source.made.given.begin(), one_leaf("a", "{}", 'a'));
    round();
    CHECK(differences() == 0);
    CHECK(journal->position("given").after == "c");
    // And is purged once more.
    purge("a", 'a');
    CHECK(round().databases[0].purges == 1);
    CHECK(there()->document_count() == 2);
    CHECK(differences() == 0);
}

TEST_CASE_FIXTURE(Following, "following: purges before a run went on come along") {
    source.made.breaks_before = "c";
    RunOptions options;
    options.waits_max = std::chrono::milliseconds{0};
    Counters counters;
    run_import(source, target.get(), *journal, options, counters);
    CHECK(there()->document_count() == 2);
    source.made.breaks_before.clear();
    purge("a", 'a');
    CHECK(round(Follow::no).databases[0].purges == 1);
    CHECK(differences() == 0);
}

TEST_CASE_FIXTURE(Following, "following: settings are put where the source's changed") {
    round(Follow::no);
    std::filesystem::remove(journal->folder() / "settings.jsonl");  // It is not looked at again.
    source.made.about.revs_limit = 77;
    round();
    CHECK(there()->info().revs_limit == 77);

    auto ours = there()->info();
    ours.revs_limit = 500;
    there()->write_settings(ours);
    round();
    CHECK(there()->info().revs_limit == 500);
    // Nor where the target's admins put something meanwhile.
    source.made.about.revs_limit = 78;
    round();
    CHECK(there()->info().revs_limit == 500);
    target->erase("given");
    round();
    CHECK(there()->info().revs_limit == 78);
    CHECK(differences() == 0);
}

}  // namespace divan::import
