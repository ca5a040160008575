#include "replication/document_jobs.h"

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "storage/base/async/work_pool.h"
#include "storage/database/read_view.h"
#include "storage/engine/memory_engine.h"

namespace divan::replication {
namespace {

class IdleRun : public JobRun {
public:
    IdleRun(WorkPool& pool, std::function<void(RunEnd)> ended)
        : pool_(pool), ended_(std::move(ended)) {}
    void stop() override {
        pool_.post([ended = std::exchange(ended_, {})] {
            if (ended) ended({RunEnd::Kind::stopped, {}, {}, {}});
        });
    }
    JobProgress progress() const override {
        JobProgress progress;
        progress.started_on = 1;
        return progress;
    }
    void end(RunEnd end) {
        if (const auto ended = std::exchange(ended_, {})) ended(std::move(end));
    }

private:
    WorkPool& pool_;
    std::function<void(RunEnd)> ended_;
};

/// A catalog with `_replicator`, whose documents become jobs that do nothing.
struct Stage {
    std::unique_ptr<storage::Engine> engine = storage::make_memory_engine();
    storage::Catalog catalog{*engine};
    Clock clock;
    Metrics metrics;
    std::unique_ptr<WorkPool> pool = make_work_pool(3);
    std::map<std::string, std::shared_ptr<IdleRun>> runs;
    std::mutex runs_mutex;
    bool update_docs = false;
    Scheduler scheduler{[this](auto request, const auto&, auto ended) {
                            auto run = std::make_shared<IdleRun>(*pool, std::move(ended));
                            const std::lock_guard lock(runs_mutex);
                            runs[request->replication.doc_id] = run;
                            return run;
                        },
                        [] { return SchedulerSettings(); }, clock, metrics};
    std::unique_ptr<DocumentJobs> jobs = std::make_unique<DocumentJobs>(
        DocumentJobsHost{catalog, clock, metrics, *pool, [] { return Rules(); },
                         [this] { return update_docs; },
                         [this](Replication asked, auto done) {
                             if (!asked.filter.empty()) {
                                 done(Error{Code::not_found, "no such filter", {}});
                                 return;
                             }
                             JobRequest request;
                             request.id = replication_id(asked, {}, "");
                             request.replication = std::move(asked);
                             done(std::move(request));
                         }},
        scheduler);

    Stage() {
        catalog.on_event([this](storage::DatabaseEvent, const std::string& name) {
            jobs->note(name);
        });
        catalog.create("_replicator").value();
    }
    ~Stage() {
        jobs->stop();
        catalog.on_event({});
        pool.reset();  // What it still does is told to the scheduler.
    }

    void put(const std::string& database, const std::string& id, const std::string& body,
             bool deleted = false) {
        const auto opened = catalog.open(database);
        auto document = storage::parse_client_document(body).value();
        document.id = id;
        document.deleted = deleted;
        if (const auto found = storage::read_winner(*opened, id)) {
            document.revision = found->head.winner;
        }
        std::vector<storage::Edit> edits;
        edits.push_back(storage::make_edit(std::move(document), true).value());
        opened->writer().write(std::move(edits)).value()[0].value();
    }
    std::string member(const std::string& id, std::string_view name) {
        const auto found = storage::read_winner(*catalog.open("_replicator"), id);
        const auto body = parse_json(found->body.text()).value();
        const auto* value = body.find(name);
        return value ? value->dump() : "";
    }
    std::string state(const std::string& database, const std::string& id) {
        const auto opened = catalog.open(database);
        const auto found = opened ? storage::read_winner(*opened, id) : std::nullopt;
        if (!found) return "";
        const auto shown =
            jobs->show(database, id, parse_json(found->body.text()).value(), "node");
        return shown ? shown->state : "";
    }
    std::shared_ptr<IdleRun> run(const std::string& id) {
        const std::lock_guard lock(runs_mutex);
        return runs[id];
    }
    /// It comes to be; a test that hangs here has failed.
    static void until(const std::function<bool()>& is_so) {
        while (!is_so()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
};

constexpr auto good = R"({"source":"http://a/x","target":"http://b/y","continuous":true})";

}  // namespace

TEST_CASE("replication documents: one that is there, or comes, becomes a job") {
    Stage stage;
    stage.put("_replicator", "early", good);
    stage.jobs->start();
    Stage::until([&] { return stage.state("_replicator", "early") == "running"; });
    stage.put("_replicator", "late", R"({"source":"http://a/z","target":"http://b/y"})");
    Stage::until([&] { return stage.state("_replicator", "late") == "running"; });
    CHECK(stage.metrics.replication.databases_found == 1);

    stage.put("_replicator", "early", "{}", true);
    Stage::until([&] { return stage.scheduler.jobs().size() == 1; });
}

TEST_CASE("replication documents: databases made at run time, and those that go") {
    Stage stage;
    stage.jobs->start();
    stage.catalog.create("team/_replicator").value();
    stage.put("team/_replicator", "d", good);
    Stage::until([&] { return stage.state("team/_replicator", "d") == "running"; });
    stage.catalog.erase("team/_replicator");
    Stage::until([&] { return stage.scheduler.jobs().empty(); });
}

TEST_CASE("replication documents: what is no replication is marked as failed") {
    Stage stage;
    stage.jobs->start();
    stage.put("_replicator", "d", R"({"source":"here","target":"http://b"})");
    Stage::until([&] { return stage.member("d", "_replication_state") == "\"failed\""; });
    CHECK(stage.member("d", "_replication_state_reason") == "\"local_endpoints_not_supported\"");
    CHECK(stage.state("_replicator", "d") == "failed");
    CHECK(stage.scheduler.jobs().empty());
}

TEST_CASE("replication documents: completed ones are told so, and stay so") {
    Stage stage;
    stage.jobs->start();
    stage.put("_replicator", "d", R"({"source":"http://a/x","target":"http://b/y"})");
    Stage::until([&] { return stage.state("_replicator", "d") == "running"; });
    stage.run("d")->end({RunEnd::Kind::completed, "{}", {}, {}});
    Stage::until([&] { return stage.member("d", "_replication_state") == "\"completed\""; });
    CHECK(stage.state("_replicator", "d") == "completed");
    CHECK(stage.member("d", "_replication_stats").find("\"start_time\"") != std::string::npos);
    CHECK(stage.scheduler.jobs().empty());
}

TEST_CASE("replication documents: with update_docs every state is written") {
    Stage stage;
    stage.update_docs = true;
    stage.jobs->start();
    const auto is = [&](std::string_view state) {
        Stage::until([&] { return stage.member("d", "_replication_state") == state; });
    };
    stage.put("_replicator", "d", R"({"source":"http://a/x","target":"http://b/y"})");
    is("\"triggered\"");
    const auto job = stage.scheduler.jobs().at(0).request;
    CHECK(stage.member("d", "_replication_id") == json_string(job->id.full()));
    CHECK(stage.member("d", "_replication_state_time").size() == 22);

    stage.run("d")->end({RunEnd::Kind::failed, {}, "db_not_found", "could not open http://b/y/"});
    is("\"error\"");
    CHECK(stage.member("d", "_replication_state_reason") ==
          "\"db_not_found: could not open http://b/y/\"");
    CHECK(stage.member("d", "_replication_id") == json_string(job->id.full()));
    CHECK(stage.state("_replicator", "d") == "crashing");

    stage.jobs->job_opened(*job);  // After its rest it runs again.
    is("\"triggered\"");
    CHECK(stage.member("d", "_replication_state_reason").empty());
    CHECK(stage.scheduler.jobs().size() == 1);  // None of these changes made it another job.
}

TEST_CASE("replication documents: a last state is not undone by an earlier one") {
    Stage stage;
    stage.update_docs = true;
    stage.jobs->start();
    for (int i = 0; i < 50; ++i) {
        const auto id = "d" + std::to_string(i);
        stage.put("_replicator", id,
                  R"({"source":"http://a/)" + id + R"(","target":"http://b/y"})");
        Stage::until([&] { return stage.run(id) != nullptr; });
        stage.run(id)->end({RunEnd::Kind::completed, "{}", {}, {}});
    }
    stage.jobs->stop();
    for (int i = 0; i < 50; ++i) {
        const auto id = "d" + std::to_string(i);
        CHECK(stage.member(id, "_replication_state") == "\"completed\"");
        CHECK(stage.member(id, "_replication_id").size() > 32);
    }
}

TEST_CASE("replication documents: an id that cannot be made, with update_docs") {
    Stage stage;
    stage.update_docs = true;
    stage.jobs->start();
    stage.put("_replicator", "d",
              R"({"source":"http://a/x","target":"http://b/y","filter":"a/b"})");
    Stage::until([&] { return stage.member("d", "_replication_state") == "\"error\""; });
    CHECK(stage.member("d", "_replication_state_reason") == "\"no such filter\"");
    CHECK(stage.member("d", "_replication_id") == "null");
}

TEST_CASE("replication documents: states of other servers or settings are taken away") {
    Stage stage;
    for (const char* state : {"triggered", "error"}) {
        stage.put("_replicator", state,
                  R"({"source":"http://a/)" + std::string(state) +
                      R"(","target":"http://b/y","continuous":true,"_replication_id":"i",)"
                      R"("_replication_state_time":"t","_replication_state_reason":"r",)"
                      R"("_replication_state":")" + state + "\"}");
    }
    stage.jobs->start();
    for (const char* id : {"triggered", "error"}) {
        Stage::until([&] { return stage.member(id, "_replication_state").empty(); });
        Stage::until([&] { return stage.state("_replicator", id) == "running"; });
        for (const char* member : {"_replication_id", "_replication_state_time",
                                   "_replication_state_reason", "_replication_stats"}) {
            CHECK(stage.member(id, member).empty());
        }
    }
}

TEST_CASE("replication documents: a change of the document is a new job, others are not") {
    Stage stage;
    stage.jobs->start();
    stage.put("_replicator", "d", good);
    Stage::until([&] { return stage.state("_replicator", "d") == "running"; });
    const auto first = stage.run("d");
    stage.put("_replicator", "d",
              R"({"note":1,"source":"http://a/x","target":"http://b/y","continuous":true})");
    stage.put("_replicator", "other", R"({"source":"http://c/x","target":"http://b/y"})");
    Stage::until([&] { return stage.state("_replicator", "other") == "running"; });
    CHECK(stage.run("d") == first);
    stage.put("_replicator", "d",
              R"({"source":"http://a/x","target":"http://b/y2","continuous":true})");
    Stage::until([&] { return stage.run("d") != first; });
}

TEST_CASE("replication documents: two that ask for the same; an id that cannot be made") {
    Stage stage;
    stage.jobs->start();
    stage.put("_replicator", "d", good);
    Stage::until([&] { return stage.state("_replicator", "d") == "running"; });
    stage.put("_replicator", "e", good);
    Stage::until([&] { return stage.state("_replicator", "e") == "failed"; });
    CHECK(stage.member("e", "_replication_state_reason").find("triggered by document `d`") !=
          std::string::npos);
    CHECK(stage.state("_replicator", "d") == "running");

    stage.put("_replicator", "f",
              R"({"source":"http://a/x","target":"http://b/y","filter":"a/b"})");
    Stage::until([&] { return stage.state("_replicator", "f") == "error"; });
    CHECK(stage.member("f", "_replication_state").empty());
}

}  // namespace divan::replication
