#include "auth/audit.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "auth/audit_check.h"
#include "auth/audit_file.h"
#include "storage/base/json.h"
#include "test/support/fake_clock.h"
#include "test/support/temp_folder.h"

namespace divan::auth {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& file, std::string_view text) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}

AuditEvent named(std::string event) {
    AuditEvent result;
    result.event = std::move(event);
    return result;
}

struct Log {
    test::TempFolder temporary;
    fs::path folder = temporary.path() / "audit";
    test::FakeClock clock;
    Metrics metrics;
    std::uint64_t file_bytes_max = 1 << 20;
    std::size_t queued_max = 1000;

    Audit open() {
        AuditOptions options;
        options.folder = folder;
        options.sync = AuditSync::never;
        options.file_bytes_max = file_bytes_max;
        options.queued_max = queued_max;
        return Audit(options, clock, metrics);
    }
    std::vector<fs::path> files() const { return audit_files(folder); }
    AuditCheck check(std::string_view noted = {}) const { return check_audit(files(), noted); }
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("audit: a line tells the event and names the line before") {
    Log log;
    log.clock.set_unix_seconds(1'700'000'000);
    {
        auto audit = log.open();
        AuditEvent event = named("sign_in");
        event.ok = false;
        event.user = "zo\xC3\xAB";
        event.address = "192.0.2.1";
        event.agent = "bad \xff \"bytes\"\n";
        event.detail = std::string(5000, 'x');
        audit.record(event);
    }
    const auto text = read(log.files().front());
    const auto first = text.substr(0, text.find('\n'));
    CHECK(first == R"({"number":1,"time":"2023-11-14T22:13:20Z","event":"audit_started","ok":true,)"
                   R"("previous":")" + std::string(64, '0') + "\"}");
    const auto second = text.substr(first.size() + 1, text.size() - first.size() - 2);
    const auto value = parse_json(second).value();
    CHECK(value.find("number")->integer() == 2);
    CHECK(value.find("user")->string() == "zo\xC3\xAB");
    CHECK(value.find("agent")->string() == "bad ? \"bytes\"\n");
    CHECK(value.find("detail")->string().size() == 1024);
    CHECK(value.find("ok")->boolean() == false);
    CHECK(value.find("status") == nullptr);
    CHECK(value.find("previous")->string() == audit_hash(first));
}

TEST_CASE("audit: goes on over restarts and full files, and the chain holds") {
    Log log;
    log.file_bytes_max = 2000;
    for (int run = 0; run < 4; ++run) {
        auto audit = log.open();
        for (int i = 0; i < 10; ++i) {
            audit.record(named("event"));
            audit.flush();
        }
    }
    CHECK(log.files().size() > 3);
    const auto check = log.check();
    CHECK_FALSE(check.broken);
    CHECK(check.lines == 44);
    CHECK(check.head.number == 44);
    CHECK(log.metrics.audit_events == 44);

    const auto files = log.files();
    const auto later = check_audit(std::span(files).subspan(1));
    CHECK_FALSE(later.broken);
    CHECK(later.first_number > 1);
    CHECK(later.head == check.head);

    CHECK(log.check(audit_hash("no such line")).noted_found == false);
    CHECK(log.check(check.head.hash).noted_found);
}

TEST_CASE("audit: what was changed, taken out or put in is found, with its line") {
    Log log;
    {
        auto audit = log.open();
        for (const char* name : {"one", "two", "three", "four"}) audit.record(named(name));
    }
    const auto file = log.files().front();
    const auto good = read(file);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < good.size();) {
        const auto end = good.find('\n', at) + 1;
        lines.push_back(good.substr(at, end - at));
        at = end;
    }
    REQUIRE(lines.size() == 5);
    struct Case {
        std::string text;
        std::uint64_t broken_line;
    };
    const std::vector<Case> cases = {
        {replaced(good, "two", "too"), 4},
        {replaced(good, "\"ok\":true", "\"ok\": true"), 2},
        {lines[0] + lines[2] + lines[3] + lines[4], 2},
        {lines[0] + lines[1] + lines[1] + lines[2], 3},
        {lines[0] + lines[2] + lines[1] + lines[3], 2},
        {lines[0] + "{}\n" + lines[1], 2},
        {lines[0] + "\n" + lines[1], 2},
        {lines[0] + "not json\n", 2},
        {good + lines[0], 6},
    };
    for (const auto& one : cases) {
        CAPTURE(one.text);
        write(file, one.text);
        const auto check = log.check();
        REQUIRE(check.broken);
        CHECK(check.broken->line == one.broken_line);
    }
    write(file, lines[0] + lines[1]);  // cut at the end: only a noted hash shows it
    CHECK_FALSE(log.check().broken);
    CHECK_FALSE(log.check(audit_hash(lines[4].substr(0, lines[4].size() - 1))).noted_found);
}

TEST_CASE("audit: a line that a crash left unfinished is cut off, at every length, and told") {
    Log whole;
    { auto audit = whole.open(); }
    const auto start = read(whole.files().front());
    for (std::size_t cut = 1; cut < start.size(); cut += 7) {
        CAPTURE(cut);
        Log log;
        fs::create_directories(log.folder);
        write(log.folder / "audit-00000001.jsonl", start + start.substr(0, cut));
        CHECK(log.check().unfinished);
        { auto audit = log.open(); }
        const auto check = log.check();
        CHECK_FALSE(check.broken);
        CHECK_FALSE(check.unfinished);
        CHECK(check.lines == 2);
        CHECK(read(log.files().front()).find("cut off an unfinished line of " +
                                             std::to_string(cut) + " bytes") !=
              std::string::npos);
    }
}

TEST_CASE("audit: a file that a crash left empty is used, after the one before it") {
    Log log;
    { auto audit = log.open(); }
    write(log.folder / "audit-00000002.jsonl", "{\"num");
    { auto audit = log.open(); }
    const auto check = log.check();
    CHECK_FALSE(check.broken);
    CHECK(check.lines == 2);
    CHECK(log.files().size() == 2);
}

TEST_CASE("audit: a folder with a foreign or damaged file is refused, not overwritten") {
    for (const char* text : {"hello\n", "{\"number\":1}\n", "\n"}) {
        CAPTURE(text);
        Log log;
        fs::create_directories(log.folder);
        write(log.folder / "audit-00000001.jsonl", text);
        CHECK_THROWS_AS(log.open(), std::runtime_error);
        CHECK(read(log.folder / "audit-00000001.jsonl") == text);
    }
    Log log;
    write(log.folder, "a file");
    CHECK_THROWS_AS(log.open(), std::runtime_error);
}

TEST_CASE("audit: while nothing can be written events wait, too many are counted as lost") {
    Log log;
    log.queued_max = 10;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    {
        auto audit = log.open();
        audit.flush();
        const rlimit full{fs::file_size(log.files().front()) + 5, before.rlim_max};
        REQUIRE(setrlimit(RLIMIT_FSIZE, &full) == 0);
        audit.record(named("first"));
        audit.flush();
        CHECK(log.metrics.audit_failures == 1);
        for (int i = 0; i < 50; ++i) audit.record(named("more"));
        CHECK(log.metrics.audit_lost > 0);
        REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    }
    const auto check = log.check();
    CHECK_FALSE(check.broken);
    CHECK_FALSE(check.unfinished);
    const auto text = read(log.files().front());
    CHECK(text.find("\"first\"") != std::string::npos);
    CHECK(text.find("events were not recorded") != std::string::npos);
}

TEST_CASE("audit: many threads record, and no line is lost or mixed up") {
    Log log;
    log.queued_max = 100'000;
    {
        auto audit = log.open();
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&audit] {
                for (int i = 0; i < 500; ++i) audit.record(named("event"));
            });
        }
        for (auto& thread : threads) thread.join();
    }
    const auto check = log.check();
    CHECK_FALSE(check.broken);
    CHECK(check.lines == 2001);
}

TEST_CASE("audit: switched off it records nothing") {
    Audit audit;
    audit.record(named("event"));
    audit.flush();
}

}  // namespace divan::auth
