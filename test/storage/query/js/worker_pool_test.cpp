#include "storage/query/js/worker_pool.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "test/storage/query/js/js_fixture.h"

namespace divan::storage::js {
namespace {

namespace fs = std::filesystem;

/// The pids of the children of this process.
std::vector<pid_t> children() {
    std::vector<pid_t> found;
    for (const auto& thread : fs::directory_iterator("/proc/self/task")) {
        std::ifstream file(thread.path() / "children");
        for (pid_t pid = 0; file >> pid;) found.push_back(pid);
    }
    return found;
}

/// Names of a fake worker, each a link that says how it misbehaves.
struct FakeWorker {
    fs::path folder;
    fs::path program;

    explicit FakeWorker(const std::string& how) {
        folder = fs::temp_directory_path() / fmt::format("divan-fake-{}-{}", ::getpid(), how);
        fs::remove_all(folder);  // left by a process that was killed, and had this number
        fs::create_directories(folder);
        program = folder / ("worker-" + how);
        fs::create_symlink(FAKE_JS_WORKER, program);
    }
    ~FakeWorker() { fs::remove_all(folder); }
};

}  // namespace

TEST_CASE_FIXTURE(JsFixture, "an infinite loop ends in time, and the next call works") {
    settings.time_limit = std::chrono::milliseconds(300);
    CHECK(mapped("() => { while (true); }") == "os_process_error: OS process timed out.");
    CHECK(mapped("() => { emit('a'.repeat(30).match(/(a+)+b/), 1); }") ==
          "os_process_error: OS process timed out.");
    settings.time_limit = std::chrono::seconds(30);
    CHECK(mapped("() => emit(1, 2)") == "1 2");
}

TEST_CASE_FIXTURE(JsFixture, "memory bombs end the worker alone") {
    for (const char* bomb :
         {"() => { const a = []; while (true) a.push('x'.repeat(1000) + a.length); }",
          "() => { const a = new Array(2e9).fill(1); }",
          "() => { new ArrayBuffer(2 ** 31 - 8).x; "
          "let a = []; while (true) a.push(new "
          "ArrayBuffer(2 ** 26)); }",
          "() => { let s = 'x'; while (true) s = s + s + s.length; }"}) {
        CAPTURE(bomb);
        settings.time_limit = std::chrono::seconds(3);
        const auto told = mapped(bomb);
        settings.time_limit = std::chrono::seconds(30);
        CAPTURE(told);
        // Some are told as exceptions, which drop the document; none takes the memory.
        CHECK((told.empty() || told.starts_with("os_process_error: ") ||
               told.starts_with("InternalError: ")));
        CHECK(mapped("() => emit(1, 2)") == "1 2");
    }
}

TEST_CASE_FIXTURE(JsFixture, "deep recursion is an error, in functions and in documents") {
    CHECK(mapped("function (doc) { const f = (n) => f(n + 1) + 1; f(0); }")
              .starts_with("InternalError: too much recursion"));
    const std::string deep =
        R"({"_id":"a","d":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
    CHECK(mapped("(doc) => emit(1, doc.d)", deep) == "");
    const std::string fair =
        R"({"_id":"a","d":)" + std::string(1900, '[') + std::string(1900, ']') + "}";
    CHECK(mapped("(doc) => emit(1, doc.d)", fair).size() == 2 + 3800);
    CHECK(mapped("() => emit(1, 2)") == "1 2");
}

TEST_CASE_FIXTURE(JsFixture, "huge outputs arrive or are refused") {
    const auto big = mapped("() => emit(1, 'x'.repeat(20e6))");
    CHECK(big.size() > 20'000'000);
    settings.heap_bytes = std::size_t{3} << 29;
    pool.stop();
    WorkerPool large(DIVAN_JS, [this] { return settings; });
    const std::vector<std::string> functions = {
        "() => { const t = 'x'.repeat(40e6); for (let i = 0; i < 8; ++i) emit(i, t); }"};
    const std::vector<BytesView> documents = {"{}"};
    const auto result =
        large.functions({"db", "_design/d", "1-a", "{}"})->map(functions, documents);
    REQUIRE(result.has_error());
    CHECK(result.error().name == "os_process_error");
}

TEST_CASE_FIXTURE(JsFixture, "a slow batch is alive as long as its documents are quick") {
    settings.time_limit = std::chrono::milliseconds(2500);
    const std::vector<BytesView> documents(12, R"({"_id":"a"})");
    const std::vector<std::string> functions = {
        "(doc) => { const end = Date.now() + 250; while (Date.now() < end); emit(1, 1); }"};
    const auto result = design("")->map(functions, documents);
    REQUIRE(result.has_value());
    CHECK(result->documents() == 12);
}

TEST_CASE_FIXTURE(JsFixture, "kill -9 in the middle fails one call") {
    std::string told;
    std::thread caller([&] { told = mapped("() => { while (true); }"); });
    while (children().empty()) std::this_thread::yield();
    // The process that starts may not have got its request yet; it never answers either way.
    for (const auto pid : children()) ::kill(pid, SIGKILL);
    caller.join();
    CHECK(told == "os_process_error: {exit_status,137}");
    CHECK(mapped("() => emit(1, 2)") == "1 2");
    for (const auto pid : children()) {
        ::kill(pid, SIGKILL);
        siginfo_t info{};
        ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
    }
    CHECK(mapped("() => emit(3, 4)") == "3 4");  // An idle one that died is not used.
}

TEST_CASE_FIXTURE(JsFixture, "a worker has no files, no sockets and no processes of its own") {
    CHECK(mapped("() => emit(1, 2)") == "1 2");
    REQUIRE(children().size() == 1);
    const auto proc = fs::path("/proc") / std::to_string(children().front());
    std::ifstream status(proc / "status");
    std::string line;
    bool filtered = false;
    while (std::getline(status, line)) filtered = filtered || line == "Seccomp:\t2";
    CHECK(filtered);
    int open = 0;
    for ([[maybe_unused]] const auto& file : fs::directory_iterator(proc / "fd")) ++open;
    CHECK(open == 3);
}

TEST_CASE_FIXTURE(JsFixture, "more callers than workers take turns") {
    std::atomic<int> right = 0;
    std::vector<std::thread> callers;
    for (int i = 0; i < 8; ++i) {
        callers.emplace_back([&, i] {
            const auto expected = fmt::format("{} {}", i, i);
            for (int n = 0; n < 10; ++n) {
                if (mapped(fmt::format("() => emit({}, {})", i, i)) == expected) ++right;
            }
        });
    }
    for (auto& caller : callers) caller.join();
    CHECK(right == 80);
    CHECK(pool.processes() <= 2);
}

TEST_CASE_FIXTURE(JsFixture, "stopping ends what runs, and refuses what comes") {
    std::string told;
    std::thread caller([&] { told = mapped("() => { while (true); }"); });
    while (pool.processes() == 0) std::this_thread::yield();
    pool.stop();
    caller.join();
    CHECK(told.starts_with("os_process_error: "));
    CHECK(mapped("() => emit(1, 2)") == "os_process_error: the server stops");
    CHECK(children().empty());
}

TEST_CASE_FIXTURE(JsFixture, "renewing ends idle workers at once, and busy ones after their call") {
    CHECK(mapped("() => emit(1, 2)") == "1 2");
    const auto before = children();
    REQUIRE(before.size() == 1);
    pool.renew();
    CHECK(children().empty());
    CHECK(pool.processes() == 0);

    settings.time_limit = std::chrono::seconds(30);
    std::string told;
    std::thread caller([&] {
        told = mapped("() => { const end = Date.now() + 500; while (Date.now() < end); "
                      "emit(3, 4); }");
    });
    while (pool.processes() == 0) std::this_thread::yield();
    pool.renew();
    caller.join();
    CHECK(told == "3 4");
    CHECK(pool.processes() == 0);
}

TEST_CASE_FIXTURE(JsFixture, "idle workers are let go") {
    settings.idle_limit = std::chrono::seconds(0);
    CHECK(mapped("() => emit(1, 2)") == "1 2");
    while (pool.processes() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(mapped("() => emit(1, 2)") == "1 2");
}

TEST_CASE_FIXTURE(JsFixture, "a worker that does not start, or is another's, is told") {
    WorkerPool none("/no/such/program", [this] { return settings; });
    const std::vector<std::string> functions = {"() => 1"};
    const std::vector<BytesView> documents = {"{}"};
    const auto result = none.functions({"db", "_design/d", "1-a", "{}"})->map(functions, documents);
    REQUIRE(result.has_error());
    CHECK(result.error().name == "os_process_error");
    CHECK(none.processes() == 0);
}

TEST_CASE_FIXTURE(JsFixture,
                  "whatever a worker sends that was taken over, a call fails and no more") {
    settings.time_limit = std::chrono::milliseconds(500);
    for (const char* how : {"length", "kind", "short", "long", "part", "ready", "refused", "exit",
                            "log", "endless", "version", "nothing"}) {
        CAPTURE(how);
        const FakeWorker fake(how);
        WorkerPool bad(fake.program, [this] { return settings; });
        const std::vector<std::string> functions = {"() => 1"};
        const std::vector<BytesView> documents = {R"({"_id":"a"})"};
        const auto result =
            bad.functions({"db", "_design/d", "1-a", "{}"})->map(functions, documents);
        REQUIRE(result.has_error());
        CHECK(result.error().name == "os_process_error");
        CHECK(bad.processes() == 0);
    }
}

}  // namespace divan::storage::js
