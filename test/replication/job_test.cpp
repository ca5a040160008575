#include "replication/job.h"

#include <doctest/doctest.h>

#include <optional>

#include "storage/base/async/io_loop.h"
#include "storage/base/json.h"
#include "storage/base/log.h"
#include "test/replication/fake_peer.h"

namespace divan::replication {
namespace {

using std::chrono::milliseconds;

/// How a run ended.
struct Ended {
    std::string answer;  ///< Empty where it threw.
    std::string error;
    PeerFailure::Kind kind = PeerFailure::Kind::not_found;
    JobProgress progress;
};

/// Two databases, and runs of a job between them.
struct Stage {
    FakeDatabase source;
    FakeDatabase target;
    FakeScript source_script;
    FakeScript target_script;
    JobSettings settings;
    /// After so many turns of the loop: this is done to the job.
    int turns_before_act = 0;
    std::function<void(Job&)> act;
    Clock clock;
    ReplicationMetrics metrics;

    Stage() {
        set_log_level(LogLevel::none);
        settings.checkpoint_id = "check";
        settings.worker_batch_size = 3;
        settings.checkpoint_interval = milliseconds(1);
        settings.missing_document_retry = milliseconds(1);
        settings.stop_grace = milliseconds(50);
        // The rule of all rules: whenever a checkpoint is written, what it tells of is there.
        target_script.before = source_script.before = [this](const std::string& step) {
            check_rule(step);
        };
    }

    void check_rule(const std::string& step) {
        if (step != "after put_local_document") return;
        for (const auto* end : {&source, &target}) {
            const auto found = end->locals.find("check");
            if (found == end->locals.end()) continue;
            const auto log = parse_json(found->second).value();
            const auto* told = log.find("source_last_seq");
            if (told == nullptr) continue;
            const auto last = static_cast<std::uint64_t>(*told->integer());
            for (const auto& row : source.rows) {
                if (row.sequence > last) break;
                CAPTURE(row.id);
                CHECK((target.leaves[row.id] == source.leaves[row.id] ||
                       target.refuses.contains(row.id)));
            }
        }
    }

    void fill(int documents) {
        for (int i = 0; i < documents; ++i) {
            const auto id = "d" + std::to_string(i);
            source.put(id, "1-a");
            if (i % 3 == 0) source.put(id, "1-b");
        }
    }

    Task<void> drive(IoLoop& loop, Ended& ended) {
        {
            Job job(std::make_unique<FakePeer>("source", source, source_script),
                    std::make_unique<FakePeer>("target", target, target_script), settings, clock,
                    metrics);
            const auto alive = std::make_shared<Job*>(&job);
            if (act) act_later(loop, alive, turns_before_act);
            try {
                ended.answer = co_await job.run();
            } catch (const PeerFailure& failure) {
                ended.error = failure.error();
                ended.kind = failure.kind();
            }
            *alive = nullptr;
            ended.progress = job.progress();
        }
        loop.stop();
    }

    /// Stops the job once the target has the document.
    void stop_with(Job& job, const std::string& id) {
        EventLoop::current()->after(milliseconds(2), [this, &job, id] {
            if (target.leaves.contains(id)) return job.stop();
            stop_with(job, id);
        });
    }

    void act_later(IoLoop& loop, std::shared_ptr<Job*> job, int turns) {
        loop.post([this, &loop, job, turns] {
            if (*job == nullptr) return;
            if (turns == 0) return act(**job);
            act_later(loop, job, turns - 1);
        });
    }

    Ended run() {
        const auto loop = IoLoop::create();
        Ended ended;
        loop->post([&] { spawn(drive(*loop, ended)); });
        loop->run();
        return ended;
    }

    bool same() const {
        for (const auto& [id, leaves] : source.leaves) {
            const auto found = target.leaves.find(id);
            if (found == target.leaves.end() || found->second != leaves) return false;
        }
        return true;
    }
};

std::int64_t number(const JsonValue& answer, const char* key) {
    return answer.find("history")->items().front().find(key)->integer().value();
}

}  // namespace

TEST_CASE("a job copies what the target lacks and says what it did") {
    Stage stage;
    stage.fill(10);
    const auto ended = stage.run();
    CHECK(stage.same());
    const auto answer = parse_json(ended.answer).value();
    CHECK(answer.find("ok")->boolean());
    CHECK(answer.find("replication_id_version")->integer() == 4);
    CHECK(answer.find("source_last_seq")->integer() == 14);
    CHECK(number(answer, "start_last_seq") == 0);
    CHECK(number(answer, "missing_checked") == 14);
    CHECK(number(answer, "missing_found") == 14);
    CHECK(number(answer, "docs_read") == 14);
    CHECK(number(answer, "docs_written") == 14);
    CHECK(number(answer, "doc_write_failures") == 0);
    CHECK(ended.progress.through_seq == "14");
    CHECK(ended.progress.source_seq == "14");
    CHECK(ended.progress.checkpointed_source_seq == "14");
    CHECK(ended.progress.changes_pending == 0);
    CHECK(parse_json(stage.source.locals["check"])->find("history")->dump() ==
          parse_json(stage.target.locals["check"])->find("history")->dump());
}

TEST_CASE("a second run has nothing to do, and a third goes on from the checkpoint") {
    Stage stage;
    stage.fill(10);
    const auto first = stage.run();
    const auto second = stage.run();
    auto expected = first.answer;
    expected.insert(std::string(R"({"ok":true)").size(), R"(,"no_changes":true)");
    CHECK(second.answer == expected);

    stage.source.put("new", "1-a");
    const auto third = parse_json(stage.run().answer).value();
    CHECK(stage.source_script.queries.back().since == "14");
    CHECK(number(third, "start_last_seq") == 14);
    CHECK(number(third, "docs_written") == 15);
    CHECK(third.find("history")->items().size() == 2);
    CHECK(stage.same());
}

TEST_CASE("an empty source leaves no checkpoint") {
    Stage stage;
    CHECK(stage.run().answer == R"({"ok":true,"no_changes":true})");
    CHECK(stage.source.locals.empty());
}

TEST_CASE("since_seq is where a job begins, and not where it goes on") {
    Stage stage;
    stage.fill(10);
    stage.source_script.before = stage.target_script.before = nullptr;
    stage.settings.since_sequence = "12";
    stage.run();
    CHECK(stage.target.leaves.size() == 1);
    stage.settings.since_sequence = "0";
    stage.settings.goes_on = true;
    stage.run();
    CHECK(stage.target.leaves.size() == 1);
    stage.settings.goes_on = false;
    stage.run();
    CHECK(stage.source_script.queries.back().since == "0");
    CHECK(stage.same());
}

TEST_CASE("without checkpoints none is written") {
    Stage stage;
    stage.fill(4);
    stage.settings.use_checkpoints = false;
    CHECK(stage.run().answer == R"({"ok":true,"use_checkpoints":false})");
    CHECK(stage.source.locals.empty());
    CHECK(stage.target.locals.empty());
    CHECK(stage.same());
}

TEST_CASE("a checkpoint of an older id is moved to the new one") {
    Stage stage;
    stage.fill(6);
    stage.settings.checkpoint_id = "older";
    stage.run();
    stage.settings.checkpoint_id = "check";
    stage.settings.older_checkpoint_ids = {"never", "older"};
    stage.source.put("new", "1-a");
    stage.run();
    CHECK(stage.source_script.queries.back().since == "8");
    CHECK(parse_json(stage.target.locals["check"])->find("history")->items().size() == 2);
}

TEST_CASE("what the target refuses is counted, and the rest goes on") {
    Stage stage;
    stage.fill(10);
    stage.target.refuses = {"d1", "d3"};
    const auto answer = parse_json(stage.run().answer).value();
    CHECK(number(answer, "doc_write_failures") == 3);
    CHECK(number(answer, "docs_written") == 11);
    CHECK(stage.metrics.documents_read == 14);
    CHECK(stage.metrics.documents_written == 11);
    CHECK(stage.metrics.document_write_failures == 3);
    CHECK(stage.metrics.checkpoints_written > 0);
    CHECK(stage.metrics.checkpoints_failed == 0);
    CHECK(answer.find("source_last_seq")->integer() == 14);
}

TEST_CASE("a revision that is not there at first is asked for again, then the job fails") {
    Stage stage;
    stage.fill(10);
    stage.source.lacks = {{"d4", 1}, {"d6", 2}};
    CHECK_FALSE(stage.run().answer.empty());
    CHECK(stage.same());

    Stage failing;
    failing.fill(10);
    failing.source.lacks = {{"d4", 2}};
    CHECK(failing.run().error == "not_found");
    CHECK_FALSE(failing.run().answer.empty());
    CHECK(failing.same());
}

TEST_CASE("a source that hands over less than it was asked for fails the job") {
    Stage stage;
    stage.fill(10);
    stage.source.forgets = {"d7"};
    const auto ended = stage.run();
    CHECK(ended.error == "missing_doc");
    CHECK(ended.kind == PeerFailure::Kind::malformed);
    stage.source.forgets.clear();
    CHECK_FALSE(stage.run().answer.empty());
    CHECK(stage.same());
}

TEST_CASE("what the target misreads is copied once more, then the job fails") {
    Stage stage;
    stage.fill(10);
    stage.target.misreads = {{"d4", 1}, {"d6", 2}};
    const auto answer = parse_json(stage.run().answer).value();
    CHECK(number(answer, "doc_write_failures") == 0);
    CHECK(stage.same());

    Stage failing;
    failing.fill(10);
    failing.target.misreads = {{"d4", 2}};
    CHECK(failing.run().error == "bad_request");
    CHECK_FALSE(failing.run().answer.empty());
    CHECK(failing.same());
}

TEST_CASE("an upload that the target did not take is repeated once, then the job fails") {
    for (const int status : {0, 401, 403, 408, 429, 500, 503}) {
        for (const int times : {1, 2}) {
            CAPTURE(status);
            CAPTURE(times);
            Stage stage;
            stage.fill(10);
            stage.source.attached = {"d4"};
            int left = times;
            stage.target_script.before = [&](const std::string& step) {
                if (step != "store_streamed" || left-- <= 0) return;
                throw PeerFailure(PeerFailure::Kind::unreachable, "http_error", "no", status);
            };
            const auto ended = stage.run();
            CHECK(ended.error == (times == 1 && status != 0 ? "" : "http_error"));
            left = 0;
            if (!ended.error.empty()) CHECK_FALSE(stage.run().answer.empty());
            CHECK(stage.same());
        }
    }
}

TEST_CASE("a job stops where an end is not the one that it was") {
    for (const bool of_source : {true, false}) {
        Stage stage;
        stage.fill(10);
        stage.target_script.before = [&](const std::string& step) {
            auto& end = of_source ? stage.source : stage.target;
            if (step == "ensure_durable") end.instance_start_time = "8";
        };
        const auto ended = stage.run();
        CHECK(ended.error == "checkpoint_commit_failure");
        CHECK(stage.source.locals.empty());
        CHECK(stage.target.locals.empty());
    }
}

TEST_CASE("a checkpoint whose answer was lost is known again; another's is a failure") {
    Stage stage;
    stage.fill(4);
    bool lost = false;
    // As if the first try had come through: the second finds what the first wrote.
    stage.source_script.before = [&](const std::string& step) {
        if (step != "after put_local_document" || std::exchange(lost, true)) return;
        throw PeerFailure(PeerFailure::Kind::rejected, "conflict", "conflict", 409);
    };
    CHECK_FALSE(stage.run().answer.empty());
    CHECK(lost);

    Stage other;
    other.fill(4);
    bool written = false;
    other.target_script.before = [&](const std::string& step) {
        if (step != "ensure_durable" || std::exchange(written, true)) return;
        other.target.locals["check"] = R"({"_rev":"0-9","session_id":"x"})";
    };
    CHECK(other.run().error == "checkpoint_commit_failure");
}

TEST_CASE("whatever step fails, no checkpoint lies, and the next run ends the work") {
    constexpr const char* steps[] = {"info",     "local_document", "changes",
                                     "next",     "missing",        "fetch",
                                     "document", "store",          "after store",
                                     "ensure_durable", "put_local_document",
                                     "after put_local_document"};
    for (const char* step : steps) {
        for (int nth = 0; nth < 6; ++nth) {
            CAPTURE(step);
            CAPTURE(nth);
            Stage stage;
            stage.fill(20);
            stage.source_script.turns_max = stage.target_script.turns_max = 4;
            int left = nth;
            bool failed = false;
            stage.source_script.before = stage.target_script.before =
                [&](const std::string& now) {
                    stage.check_rule(now);
                    if (now != step || failed || left-- > 0) return;
                    failed = true;
                    throw PeerFailure(PeerFailure::Kind::unreachable, "cut", "cut off");
                };
            const auto first = stage.run();
            CHECK(first.answer.empty() == failed);
            if (failed) CHECK(first.error == "cut");
            // The checkpoint may have been written though its answer was lost.
            if (failed) CHECK_FALSE(stage.run().answer.empty());
            CHECK(stage.same());
        }
    }
}

TEST_CASE("a job can be cancelled or stopped at any moment") {
    for (const bool stop : {true, false}) {
        for (int turns = 0; turns < 120; turns += 1) {
            CAPTURE(turns);
            Stage stage;
            stage.fill(20);
            stage.source_script.turns_max = stage.target_script.turns_max = 3;
            stage.turns_before_act = turns;
            stage.act = [stop](Job& job) { stop ? job.stop() : job.cancel(); };
            const auto ended = stage.run();
            if (ended.answer.empty()) CHECK(ended.kind == PeerFailure::Kind::cancelled);
            stage.act = nullptr;
            CHECK_FALSE(stage.run().answer.empty());
            CHECK(stage.same());
        }
    }
}

TEST_CASE("a step that hangs ends when the job is cancelled, and after a stop's grace") {
    for (const char* step : {"info", "local_document", "changes", "next", "missing", "fetch",
                             "store", "ensure_durable", "put_local_document"}) {
        for (const bool stop : {true, false}) {
            CAPTURE(step);
            Stage stage;
            stage.fill(20);
            stage.target_script.hangs = step;
            stage.source_script.hangs = step;
            stage.turns_before_act = 200;
            stage.act = [stop](Job& job) { stop ? job.stop() : job.cancel(); };
            const auto ended = stage.run();
            CHECK(ended.kind == PeerFailure::Kind::cancelled);
        }
    }
}

TEST_CASE("a continuous job waits for changes, and leaves a checkpoint when it is stopped") {
    Stage stage;
    stage.fill(7);
    stage.settings.changes.continuous = true;
    stage.settings.checkpoint_interval = milliseconds(100'000);
    stage.settings.stop_grace = std::chrono::minutes(2);
    stage.turns_before_act = 300;
    stage.act = [&](Job& job) {
        stage.source.put("late", "1-a");
        stage.turns_before_act = 0;
        stage.act = nullptr;
        stage.stop_with(job, "late");
    };
    const auto ended = stage.run();
    CHECK(stage.same());
    CHECK(stage.target.leaves.contains("late"));
    CHECK(parse_json(ended.answer)->find("source_last_seq")->integer() == 11);
    CHECK(ended.progress.checkpointed_source_seq == "11");
}

TEST_CASE("batches that end in any order make the same copy") {
    for (unsigned seed = 0; seed < 30; ++seed) {
        CAPTURE(seed);
        Stage stage;
        stage.fill(60);
        stage.source_script.random.seed(seed);
        stage.target_script.random.seed(seed + 1000);
        stage.source_script.turns_max = stage.target_script.turns_max = 20;
        const auto answer = parse_json(stage.run().answer).value();
        CHECK(answer.find("source_last_seq")->integer() == 80);
        CHECK(stage.same());
    }
}

}  // namespace divan::replication
