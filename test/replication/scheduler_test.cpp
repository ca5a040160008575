#include "replication/scheduler.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace divan::replication {
namespace {

class TestClock : public Clock {
public:
    std::chrono::steady_clock::time_point now() const override {
        return std::chrono::steady_clock::time_point(std::chrono::seconds(seconds));
    }
    std::int64_t unix_seconds() const override { return 1'000'000 + seconds; }
    std::int64_t seconds = 1000;
};

class FakeRun : public JobRun {
public:
    void stop() override { stopped = true; }
    JobProgress progress() const override { return now; }

    std::string id;
    std::function<void(RunEnd)> ended;
    bool stopped = false;
    bool over = false;
    JobProgress now;
};

struct Bench {
    TestClock clock;
    Metrics metrics;
    SchedulerSettings settings;
    std::vector<std::shared_ptr<FakeRun>> runs;
    Scheduler scheduler{
        [this](auto request, const auto&, auto ended) {
            auto run = std::make_shared<FakeRun>();
            run->id = request->id.full();
            run->ended = std::move(ended);
            run->now.started_on = clock.unix_seconds();
            runs.push_back(run);
            return run;
        },
        [this] { return settings; }, clock, metrics};

    /// Of another database of documents.
    JobRequest request_of(std::string database, std::string id) {
        auto made = request(id, id);
        made.replication.database = std::move(database);
        return made;
    }
    JobRequest request(std::string id, std::string doc_id = "", bool continuous = true) {
        JobRequest made;
        made.id = {std::move(id), ""};
        made.replication.continuous = continuous;
        made.replication.doc_id = doc_id;
        if (!doc_id.empty()) made.replication.database = "_replicator";
        return made;
    }
    FakeRun& run(std::string_view id) {
        for (auto at = runs.rbegin(); at != runs.rend(); ++at) {
            if ((*at)->id == id) return **at;
        }
        FAIL("no run of ", std::string(id));
        return *runs.front();
    }
    void end(FakeRun& run, RunEnd how) {
        run.over = true;
        run.ended(std::move(how));
    }
    void crash(std::string_view id) {
        end(run(id), {RunEnd::Kind::failed, {}, "db_not_found", "could not open x"});
    }
    /// Lets those end that were told to.
    void settle() {
        for (std::size_t i = 0; i < runs.size(); ++i) {
            const auto one = runs[i];
            if (one->stopped && !one->over) end(*one, {RunEnd::Kind::stopped, {}, {}, {}});
        }
    }
    std::size_t on() const {
        return static_cast<std::size_t>(std::count_if(
            runs.begin(), runs.end(), [](const auto& one) { return !one->over; }));
    }
};

}  // namespace

TEST_CASE("scheduler: a job runs at once, and is shown with its history") {
    Bench bench;
    bench.scheduler.add(bench.request("a"));
    const auto job = bench.scheduler.job("a");
    REQUIRE(job);
    CHECK(job->state() == "running");
    REQUIRE(job->history.events().size() == 2);
    CHECK(job->history.events()[0].type == JobEvent::Type::started);
    CHECK(job->history.events()[1].type == JobEvent::Type::added);
    CHECK(bench.metrics.replication.jobs_running == 1);
    CHECK_FALSE(bench.scheduler.job("b"));
}

TEST_CASE("scheduler: who waits hears the end, and a completed job is gone") {
    Bench bench;
    std::vector<std::string> heard;
    const auto waiter = [&](const RunEnd& end) { heard.push_back(end.answer); };
    bench.scheduler.add(bench.request("a", "", false), waiter);
    bench.scheduler.add(bench.request("a", "", false), waiter);
    CHECK(bench.runs.size() == 1);  // The same id and the same options: one job.
    bench.end(bench.run("a"), {RunEnd::Kind::completed, "{\"ok\":true}", {}, {}});
    CHECK(heard == std::vector<std::string>{"{\"ok\":true}", "{\"ok\":true}"});
    CHECK_FALSE(bench.scheduler.job("a"));
    CHECK(bench.metrics.replication.jobs_total == 0);
}

TEST_CASE("scheduler: a transient job that crashes is gone") {
    Bench bench;
    std::string heard;
    bench.scheduler.add(bench.request("a"), [&](const RunEnd& end) { heard = end.error; });
    bench.crash("a");
    CHECK(heard == "db_not_found");
    CHECK_FALSE(bench.scheduler.find("a"));
    CHECK(bench.metrics.replication.jobs_crashed == 0);
}

TEST_CASE("scheduler: a document's job that crashes rests longer each time") {
    Bench bench;
    bench.scheduler.add(bench.request("a", "doc"));
    bench.crash("a");
    CHECK(bench.scheduler.job("a")->state() == "crashing");
    CHECK(bench.scheduler.job("a")->history.events()[0].reason ==
          "db_not_found: could not open x");
    CHECK(bench.metrics.replication.jobs_crashed == 1);
    bench.clock.seconds += 29;
    bench.scheduler.tick();
    CHECK(bench.on() == 0);
    bench.clock.seconds += 4;
    bench.scheduler.tick();
    CHECK(bench.scheduler.job("a")->state() == "running");

    bench.crash("a");
    CHECK(bench.scheduler.job("a")->crashes == 2);
    bench.clock.seconds += 59;
    bench.scheduler.tick();
    CHECK(bench.on() == 0);
    bench.clock.seconds += 7;
    bench.scheduler.tick();
    CHECK(bench.on() == 1);

    bench.clock.seconds += 121;  // It ran well for longer than `health_threshold`.
    bench.crash("a");
    CHECK(bench.runs.size() == 4);  // So it comes back at once.
    CHECK(bench.scheduler.job("a")->crashes == 0);
}

TEST_CASE("scheduler: backoff doubles up to a limit") {
    CHECK(crash_backoff(0).count() == 0);
    CHECK(crash_backoff(1).count() == 30);
    CHECK(crash_backoff(4).count() == 240);
    CHECK(crash_backoff(11).count() == 30 * 1024);
    CHECK(crash_backoff(500).count() == 30 * 1024);
}

TEST_CASE("scheduler: a job is gone when its run has ended; its successor waits for that") {
    Bench bench;
    bench.scheduler.add(bench.request("a"));
    bool gone = false;
    CHECK(bench.scheduler.remove("a", [&] { gone = true; }));
    CHECK(bench.run("a").stopped);
    CHECK_FALSE(gone);
    CHECK_FALSE(bench.scheduler.remove("a"));

    bench.scheduler.add(bench.request("a"));
    CHECK(bench.runs.size() == 1);
    CHECK(bench.scheduler.job("a")->state() == "pending");
    bench.settle();
    CHECK(gone);
    CHECK(bench.runs.size() == 2);
}

TEST_CASE("scheduler: a job that differs takes the place of the old one") {
    Bench bench;
    bool stopped = false;
    bench.scheduler.add(bench.request("a"),
                        [&](const RunEnd& end) { stopped = end.kind == RunEnd::Kind::stopped; });
    auto other = bench.request("a");
    other.replication.tuning.worker_processes = 9;
    bench.scheduler.add(std::move(other));
    CHECK(stopped);
    bench.settle();
    CHECK(bench.runs.size() == 2);
    CHECK(bench.scheduler.find("a")->replication.tuning.worker_processes == 9);
}

TEST_CASE("scheduler: more jobs than may run take turns") {
    Bench bench;
    bench.settings.jobs_max = 3;
    bench.settings.churn_max = 2;
    for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
        bench.scheduler.add(bench.request(id, id));
        bench.clock.seconds += 1;
    }
    CHECK(bench.on() == 3);
    CHECK(bench.scheduler.job("d")->state() == "pending");
    CHECK(bench.metrics.replication.jobs_pending == 3);

    bench.clock.seconds += 60;
    bench.scheduler.tick();
    CHECK(bench.run("a").stopped);
    CHECK(bench.run("b").stopped);
    CHECK_FALSE(bench.run("c").stopped);
    bench.settle();
    CHECK(bench.on() == 3);
    CHECK(bench.scheduler.job("d")->state() == "running");
    CHECK(bench.scheduler.job("e")->state() == "running");
    CHECK(bench.scheduler.job("a")->history.events()[0].type == JobEvent::Type::stopped);
    CHECK(bench.scheduler.job("a")->state() == "pending");
}

TEST_CASE("scheduler: beyond max_jobs databases get turns by their shares") {
    Bench bench;
    bench.settings.jobs_max = 10;
    bench.settings.churn_max = 5;
    bench.settings.startup_jitter = std::chrono::milliseconds(1);
    std::map<std::string, double> shares{{"big/_replicator", 300}};
    bench.settings.share.shares = [&](const std::string& owner) {
        return shares.count(owner) ? shares[owner] : 100;
    };
    for (int i = 0; i < 20; ++i) {
        bench.scheduler.add(bench.request_of("big/_replicator", "b" + std::to_string(i)));
        bench.scheduler.add(bench.request_of("_replicator", "s" + std::to_string(i)));
    }
    double big = 0, all = 0;
    for (int minute = 0; minute < 400; ++minute) {
        bench.clock.seconds += 60;
        bench.scheduler.tick();
        bench.settle();
        std::erase_if(bench.runs, [](const auto& run) { return run->over; });
        CHECK(bench.on() == 10);
        for (const auto& run : bench.runs) big += run->id.front() == 'b';
        all += 10;
    }
    CHECK(big / all > 0.70);
    CHECK(big / all < 0.80);
}

TEST_CASE("scheduler: a place that becomes free goes to the database that used least") {
    Bench bench;
    bench.settings.jobs_max = 2;
    bench.scheduler.add(bench.request_of("a/_replicator", "a1"));
    bench.scheduler.add(bench.request_of("a/_replicator", "a2"));
    bench.clock.seconds += 60;
    bench.scheduler.tick();
    bench.scheduler.add(bench.request_of("a/_replicator", "a3"));
    bench.scheduler.add(bench.request_of("b/_replicator", "b1"));
    bench.scheduler.remove("a1");
    bench.settle();
    CHECK(bench.scheduler.job("b1")->state() == "running");
    CHECK(bench.scheduler.job("a3")->state() == "pending");
}

TEST_CASE("scheduler: thousands of jobs all stay on; many at once do not start at once") {
    Bench bench;
    for (int i = 0; i < 5000; ++i) bench.scheduler.add(bench.request(std::to_string(i), "d"));
    CHECK(bench.on() >= 100);
    CHECK(bench.on() < 200);
    for (int i = 0; i < 6; ++i) {
        bench.clock.seconds += 1;
        bench.scheduler.tick();
    }
    CHECK(bench.on() == 5000);
    bench.clock.seconds += 600;
    bench.scheduler.tick();
    CHECK(std::none_of(bench.runs.begin(), bench.runs.end(),
                       [](const auto& run) { return run->stopped; }));
}

TEST_CASE("scheduler: documents' jobs that end are told of") {
    Bench bench;
    std::vector<std::string> ends;
    bench.scheduler.on_document_job_end([&](const JobInfo& job, const RunEnd& end) {
        ends.push_back(job.request->replication.doc_id + " " +
                       (end.kind == RunEnd::Kind::completed ? "completed" : end.error));
    });
    bench.scheduler.add(bench.request("t"));
    bench.scheduler.add(bench.request("a", "one", false));
    bench.scheduler.add(bench.request("b", "two"));
    bench.crash("t");
    bench.end(bench.run("a"), {RunEnd::Kind::completed, "{}", {}, {}});
    bench.crash("b");
    CHECK(ends == std::vector<std::string>{"one completed", "two db_not_found"});
}

TEST_CASE("scheduler: the end") {
    Bench bench;
    bench.scheduler.add(bench.request("a"));
    bench.scheduler.add(bench.request("b", "b"));
    bool done = false;
    bench.scheduler.stop_all([&] { done = true; });
    CHECK_FALSE(done);
    bench.settle();
    CHECK(done);
    bool refused = false;
    bench.scheduler.add(bench.request("c"), [&](const RunEnd&) { refused = true; });
    CHECK(refused);
    CHECK(bench.scheduler.jobs().empty());
}

}  // namespace divan::replication
