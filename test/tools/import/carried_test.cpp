#include <doctest/doctest.h>

#include "storage/base/json.h"
#include "test/tools/import/given_database.h"
#include "tools/import/paused_replications.h"
#include "tools/import/plan.h"
#include "tools/import/run.h"
#include "tools/import/verify.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

struct Carried : GivenImport {
    Carried() : GivenImport("carried") {
        source.made.about.security = "{}";
    }
    Journal begin() const { return Journal::begin(folder / "runs", "given", "data"); }
    RunReport run(Journal& journal, const RunOptions& options = {}) {
        Counters counters;
        return run_import(source, target.get(), journal, options, counters);
    }
    std::uint64_t differences() {
        std::uint64_t count = 0;
        verify_database(source.made, *target->open_existing("given"), [&](const Difference& one) {
            MESSAGE(one.what << ": " << one.how);
            ++count;
        });
        return count;
    }
};

std::vector<Document> read(SourceDatabase& database) {
    std::vector<Document> documents;
    database.documents(0, "", [&](Document one) { documents.push_back(std::move(one)); },
                       [](const Failure& one) { FAIL_CHECK(one.reason); });
    return documents;
}

std::unique_ptr<GivenDatabase> replicator(std::vector<Document> documents) {
    auto database = std::make_unique<GivenDatabase>();
    database->about.name = "_replicator";
    database->given = std::move(documents);
    return database;
}

}  // namespace

TEST_CASE("replications arrive paused, by the same revision every time") {
    const auto given = [] {
        return replicator({one_leaf("_design/_replicator", R"({"language":"javascript"})", 'd'),
                           one_leaf("done", R"({"_replication_state":"completed"})", 'b'),
                           one_leaf("gone", "{}", 'g', true),
                           one_leaf("runs", R"({"source":"a","_replication_state":"triggered",)"
                                            R"("_replication_id":"x","target":"b"})",
                                    'a')});
    };
    const auto documents = read(*with_paused_replications(given()));
    REQUIRE(documents.size() == 4);
    for (int at = 0; at < 3; ++at) CHECK(documents[at].leaves[0].generation == 1);
    const auto& leaf = documents[3].leaves[0];
    CHECK(leaf.generation == 2);
    REQUIRE(leaf.path.size() == 2);
    const auto body = parse_json(leaf.json).value();
    CHECK(body.find("_replication_state")->string() == "failed");
    CHECK(body.find("_replication_id") == nullptr);
    CHECK(body.find("target")->string() == "b");
    CHECK(read(*with_paused_replications(given()))[3].leaves[0].path == leaf.path);
}

TEST_CASE("replications: a pause that the source went on beside is to be taken away") {
    const auto running = one_leaf("r", R"({"source":"a","target":"b"})", 'a');
    const auto there = read(*with_paused_replications(replicator({running})));
    const auto after = [&](const std::string& json, bool deleted) {
        auto document = running;
        document.leaves[0].generation = 2;
        document.leaves[0].path.insert(document.leaves[0].path.begin(),
                                       storage::RevisionHash(std::string(16, 'c')));
        document.leaves[0].json = json;
        document.leaves[0].deleted = deleted;
        return read(*with_paused_replications(replicator({document})));
    };
    CHECK(outdated_pauses(there, there).empty());
    CHECK(outdated_pauses({one_leaf("r", "{}", 'o')}, there).empty());
    const auto done = after(R"({"_replication_state":"completed"})", false);
    for (const auto& source : {done, after("{}", true), after(R"({"source":"c"})", false)}) {
        const auto outdated = outdated_pauses(source, there);
        REQUIRE(outdated.size() == 1);
        CHECK(outdated[0].leaves == std::vector{there[0].leaves[0].revision()});
    }
    CHECK(outdated_pauses(done, done).empty());
}

TEST_CASE("replications: only databases of this name hold them") {
    CHECK(is_replicator_database("_replicator"));
    CHECK(is_replicator_database("x/_replicator"));
    CHECK_FALSE(is_replicator_database("my_replicator"));
}

TEST_CASE_FIXTURE(Carried, "purges come along once, before what came back after them") {
    const auto back = one_leaf("back", R"({"a":1})", 'b');
    source.made.given = {back};
    source.made.given_purges = {{"gone", {{2, storage::RevisionHash(std::string(16, 'g'))}}},
                                {"back", {back.leaves[0].revision()}}};
    auto journal = begin();
    const auto report = run(journal);
    CHECK(report.failures() == 0);
    CHECK(report.databases[0].purges == 2);
    CHECK(differences() == 0);

    // Killed before anything of the documents was written down.
    journal.note_position("given", {});
    auto again = Journal::reopen(folder / "runs", journal.head().id);
    CHECK(again.is_new("given"));
    CHECK(run(again).failures() == 0);
    CHECK(target->open_existing("given")->purges().size() == 2);
    CHECK(differences() == 0);

    source.made.given_purges.push_back({"more", {back.leaves[0].revision()}});
    CHECK(differences() == 1);
}

TEST_CASE_FIXTURE(Carried, "purges stay out of a database that was there before") {
    const auto mine = one_leaf("mine", "{}", 'm');
    const auto there = target->open(source.made.about);
    there->write({mine}, [](const Failure& one) { FAIL_CHECK(one.reason); });
    source.made.given_purges = {{"mine", {mine.leaves[0].revision()}}};
    auto journal = begin();
    CHECK(run(journal).databases[0].purges == 0);
    CHECK(target->open_existing("given")->read({"mine"})[0].leaves.size() == 1);
}

TEST_CASE_FIXTURE(Carried, "purges and a _security put since an earlier run come along") {
    const auto gone = one_leaf("gone", "{}", 'g');
    const auto back = one_leaf("back", "{}", 'b');
    source.made.given = {back, gone, one_leaf("kept", "{}", 'k')};
    source.made.given_purges = {{"first", {gone.leaves[0].revision()}}};
    auto first = begin();
    run(first);
    source.made.given.erase(source.made.given.begin() + 1);
    // CouchDB lists them shard by shard: a new one may come before an old one.
    source.made.given_purges = {{"gone", {gone.leaves[0].revision()}},
                                {"back", {back.leaves[0].revision()}},
                                source.made.given_purges[0]};
    source.made.about.security = R"({"admins":{"names":["later"],"roles":[]}})";
    source.made.about.revs_limit = 77;
    CHECK(differences() > 0);
    auto second = begin();
    CHECK(run(second).databases[0].purges == 2);
    CHECK(differences() == 0);
    CHECK(target->open_existing("given")->info().revs_limit == 77);
    auto third = begin();
    const auto report = run(third);
    CHECK(report.databases[0].purges == 0);
    CHECK(report.created() == 0);
}

TEST_CASE_FIXTURE(Carried, "what the target's admins put since an earlier run stays") {
    source.made.about.revs_limit = 500;
    auto first = begin();
    run(first);
    auto info = source.made.about;
    info.security = R"({"admins":{"names":["ours"],"roles":[]}})";
    target->open_existing("given")->write_settings(info);
    source.made.about.security = R"({"admins":{"names":["theirs"],"roles":[]}})";
    source.made.about.revs_limit = 77;
    auto second = begin();
    run(second);
    CHECK(target->open_existing("given")->info().security == info.security);
    CHECK(target->open_existing("given")->info().revs_limit == 500);
}

TEST_CASE_FIXTURE(Carried, "a _security that CouchDB would not store is told, not carried") {
    source.made.about.security = R"({"admins":{"names":"ann"}})";
    auto journal = begin();
    const auto report = run(journal);
    CHECK(report.failures() == 1);
    CHECK(report.finished());
    CHECK(target->open_existing("given")->info().security.empty());
    CHECK(take_inventory(source.made).remarks.size() == 1);
}

TEST_CASE_FIXTURE(Carried, "what changed since is carried by a round that follows") {
    source.made.given = {one_leaf("a", "{}", 'a')};
    source.made.given_locals = {{"_local/one", 1, "{}"}};
    auto journal = begin();
    auto report = run(journal);
    source.made.given.push_back(one_leaf("b", "{}", 'b'));
    source.made.given_locals.push_back({"_local/two", 1, "{}"});
    CHECK(run(journal).created() == 0);  // finished is finished

    RunOptions options;
    Counters counters;
    options.follow = Follow::changes;
    auto round = run_import(source, target.get(), journal, options, counters);
    CHECK(round.databases[0].documents == 1);
    CHECK(round.created() == 1);
    report.add(std::move(round));
    CHECK(report.databases.size() == 1);
    CHECK(report.databases[0].documents == 2);
    CHECK_FALSE(target->open_existing("given")->read_local("_local/two"));
    options.follow = Follow::all;
    CHECK(run_import(source, target.get(), journal, options, counters).created() == 0);
    CHECK(differences() == 0);
}

TEST_CASE_FIXTURE(Carried, "what a slow source gave is written before it ends") {
    source.made.given = {one_leaf("a", "{}", 'a'), one_leaf("b", "{}", 'b'),
                         one_leaf("c", "{}", 'c')};
    source.made.breaks_before = "c";
    RunOptions options;
    options.waits_max = std::chrono::milliseconds{0};
    auto journal = begin();
    const auto report = run(journal, options);
    CHECK(report.databases[0].error == "the source is gone");
    const auto there = Journal::reopen(folder / "runs", journal.head().id).position("given");
    CHECK(there.after == "b");
    CHECK(target->open_existing("given")->document_count() == 2);

    source.made.breaks_before.clear();
    CHECK(run(journal, options).databases[0].documents == 1);
    CHECK(differences() == 0);
}

TEST_CASE_FIXTURE(Carried, "a checkpoint that went on at the source is carried again, not back") {
    source.made.given = {one_leaf("a", "{}", 'a')};
    source.made.given_locals = {{"_local/one", 2, R"({"n":2})"}, {"_local/two", 2, R"({"n":2})"}};
    auto journal = begin();
    run(journal);
    const auto database = target->open_existing("given");
    CHECK(database->read_local("_local/one")->edits == 2);
    database->write_local({"_local/two", 9, R"({"n":9})"});
    source.made.given_locals[0] = {"_local/one", 5, R"({"n":5})"};
    source.made.given_locals[1] = {"_local/two", 5, R"({"n":5})"};
    auto second = begin();
    run(second);
    CHECK(database->read_local("_local/one")->json == R"({"n":5})");
    CHECK(database->read_local("_local/one")->edits == 5);
    CHECK(database->read_local("_local/two")->json == R"({"n":9})");
    // What the first run brought is not the second one's to take away.
    roll_back(*target, second);
    CHECK(database->read_local("_local/one"));
}

TEST_CASE("the plan tells of users who cannot sign in") {
    GivenDatabase users;
    users.about.name = "_users";
    users.about.security = "{}";
    const std::string good = R"({"name":"ann","password_scheme":"pbkdf2"})";
    users.given = {one_leaf("org.couchdb.user:ann", good, 'a')};
    CHECK(take_inventory(users).remarks.empty());
    users.given.push_back(one_leaf("org.couchdb.user:bob", good, 'b'));
    users.given.push_back(
        one_leaf("org.couchdb.user:eve", R"({"name":"eve","password_scheme":"rot13"})", 'e'));
    users.given.push_back(one_leaf("other", "{}", 'o'));
    CHECK(take_inventory(users).remarks.size() == 3);
}

}  // namespace divan::import
