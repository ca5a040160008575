#include "storage/engine/rocks_engine.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>

#include "test/engine_suite/engines.h"
#include "test/engine_suite/helpers.h"

namespace divan::storage {
namespace {

std::string refusal(const std::filesystem::path& folder) {
    try {
        open_rocks_engine(folder, quick_rocks());
    } catch (const EngineFailure& failure) {
        return failure.what();
    }
    return "opened";
}

void write_file(const std::filesystem::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Runs one of the skipped cases below in a process of its own (a fork alone would lack RocksDB's
/// threads) and returns what it wrote to standard output.
std::string in_other_process(const char* test_case, const std::filesystem::path& folder) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const auto program = std::filesystem::read_symlink("/proc/self/exe");
    const auto filter = std::string("--test-case=") + test_case;
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(pipe_ends[1], STDOUT_FILENO);
        ::setenv("DIVAN_TEST_FOLDER", folder.c_str(), 1);
        ::execl(program.c_str(), program.c_str(), "--no-skip", filter.c_str(), nullptr);
        ::_exit(1);
    }
    ::close(pipe_ends[1]);
    std::string said;
    char buffer[512];
    for (ssize_t got; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;) {
        said.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(pipe_ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return said;
}

std::filesystem::path folder_of_other_process() {
    const char* folder = std::getenv("DIVAN_TEST_FOLDER");
    REQUIRE(folder);
    return folder;
}

RocksOptions ingesting() {
    RocksOptions options;
    options.ingest_bytes_min = 10;
    return options;
}

[[noreturn]] void die_at_once() {
    ::kill(::getpid(), SIGKILL);
    std::abort();
}

std::filesystem::path newest_log(const std::filesystem::path& folder) {
    std::filesystem::path newest;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
    }
    return newest;
}

}  // namespace

TEST_CASE("rocks engine: everything is there after a clean close") {
    EngineFolder folder;
    {
        const auto engine = open_rocks_engine(folder.path(), quick_rocks());
        put_letters(*engine, Family::docs, "abc", Durability::buffered);
        put_letters(*engine, Family::attachments, "xyz", Durability::synced);
        commit(*engine, [](Batch& batch) { batch.erase_range(Family::docs, "b", "c"); });
    }
    const auto engine = open_rocks_engine(folder.path(), quick_rocks());
    CHECK(all(*engine, Family::docs) == "a=A c=C");
    CHECK(all(*engine, Family::attachments) == "x=X y=Y z=Z");
}

TEST_CASE("rocks engine: a killed process loses no synced commit") {
    EngineFolder folder;
    in_other_process("rocks engine: (writes and is killed)", folder.path());
    const auto engine = open_rocks_engine(folder.path());
    CHECK(all(*engine, Family::docs).size() == 26 * 4 - 1);
    CHECK(all(*engine, Family::bodies) == all(*engine, Family::docs));
    CHECK(all(*engine, Family::local) == "z=Z");
}

TEST_CASE("rocks engine: (writes and is killed)" * doctest::skip()) {
    const auto engine = open_rocks_engine(folder_of_other_process());
    for (char letter = 'a'; letter <= 'z'; ++letter) {
        put_letters(*engine, Family::docs, std::string(1, letter), Durability::synced);
        put_letters(*engine, Family::bodies, std::string(1, letter), Durability::buffered);
    }
    put_letters(*engine, Family::local, "z", Durability::synced);
    die_at_once();
}

TEST_CASE("rocks engine: keys of every kind come in any order, of one key the last one") {
    EngineFolder folder;
    const auto engine = open_rocks_engine(folder.path(), ingesting());
    std::minstd_rand random(11);
    std::map<Bytes, Bytes> expected;
    for (int round = 0; round < 50; ++round) {
        const Bytes prefix(random() % 12, 'p');
        commit(*engine, [&](Batch& batch) {
            for (int count = 0; count < 100; ++count) {
                Bytes key = prefix;
                for (auto left = random() % 12; left > 0; --left) {
                    key.push_back(static_cast<char>(std::array{0, 1, 127, 255}[random() % 4]));
                }
                if (key.empty()) key = "e";
                const auto value = std::to_string(round) + " " + std::to_string(count);
                batch.put(Family::docs, key, value);
                expected[key] = value;
            }
        });
    }
    std::map<Bytes, Bytes> found;
    const auto cursor = engine->cursor(Family::docs, "", "");
    for (cursor->seek(""); cursor->valid(); cursor->next()) {
        found[Bytes(cursor->key())] = cursor->value();
    }
    CHECK(found == expected);
}

TEST_CASE("rocks engine: a killed process loses nothing that came as sorted files") {
    EngineFolder folder;
    in_other_process("rocks engine: (ingests and is killed)", folder.path());
    write_file(folder.path() / "ingest" / "left.sst", "of a crash");
    const auto engine = open_rocks_engine(folder.path(), ingesting());
    CHECK(all(*engine, Family::docs) == "a=new b=B c=C d=D");
    CHECK(all(*engine, Family::catalog) == "a=A");
    CHECK(all(*engine, Family::local) == "k=K");
    CHECK(std::filesystem::is_empty(folder.path() / "ingest"));
}

TEST_CASE("rocks engine: files that overlap are merged seldom, and at the end") {
    const auto tables_in = [](const std::filesystem::path& folder) {
        const std::filesystem::directory_iterator files(folder);
        return std::count_if(begin(files), end(files), [](const auto& entry) {
            return entry.path().extension() == ".sst";
        });
    };
    EngineFolder folder;
    constexpr int batches = 24;
    {
        auto options = ingesting();
        options.sync_writes = false;
        const auto engine = open_rocks_engine(folder.path(), options);
        for (int number = 0; number < batches; ++number) {
            Batch batch;
            for (const char letter : std::string("az")) {
                batch.put(Family::docs, letter + std::to_string(number), "a value");
            }
            engine->commit(batch, Durability::synced);
        }
        CHECK(tables_in(folder.path()) >= batches);
    }
    CHECK(tables_in(folder.path()) <= 5);
    const auto engine = open_rocks_engine(folder.path(), quick_rocks());
    for (const char* key : {"a0", "z0", "a23", "z23"}) {
        Bytes value;
        CHECK(engine->get(Family::docs, key, value));
        CHECK(value == "a value");
    }
}

TEST_CASE("rocks engine: (ingests and is killed)" * doctest::skip()) {
    const auto engine = open_rocks_engine(folder_of_other_process(), ingesting());
    Batch small;
    small.put(Family::docs, "a", "old");
    small.put(Family::docs, "e", "E");
    small.put(Family::local, "k", "K");
    engine->commit(small, Durability::buffered);
    Batch large;
    large.put(Family::docs, "d", "D");
    large.put(Family::docs, "a", "not this");
    for (const char letter : std::string("bc")) {
        large.put(Family::docs, Bytes(1, letter), Bytes(1, static_cast<char>(letter - 'a' + 'A')));
    }
    large.put(Family::docs, "a", "new");
    large.erase(Family::docs, "e");
    large.put(Family::catalog, "a", "A");
    engine->commit(large, Durability::synced);
    die_at_once();
}

TEST_CASE("rocks engine: a torn end of the log takes its batch as a whole, and no earlier one") {
    EngineFolder folder;
    in_other_process("rocks engine: (writes what will be torn)", folder.path());
    const auto log = newest_log(folder.path());
    const auto size = std::filesystem::file_size(log);
    std::uint64_t kept = 0;
    std::ifstream(folder.path() / "kept") >> kept;
    REQUIRE(kept > 100);
    REQUIRE(size > kept + 100'000);

    // What a power loss can leave of a write that was never acknowledged: a part, then zeros or
    // the end of the file.
    for (const std::uint64_t left : {70'000, 40'000, 33, 3, 0}) {
        for (const bool zeros : {true, false}) {
            CAPTURE(left);
            CAPTURE(zeros);
            EngineFolder copy;
            std::filesystem::copy(folder.path(), copy.path(),
                                  std::filesystem::copy_options::recursive);
            std::filesystem::resize_file(copy.path() / log.filename(), kept + left);
            if (zeros) std::filesystem::resize_file(copy.path() / log.filename(), size);
            const auto engine = open_rocks_engine(copy.path(), quick_rocks());
            CHECK(get(*engine, Family::docs, "kept") == "yes");
            CHECK(get(*engine, Family::bodies, "kept") == Bytes(100, 'k'));
            CHECK_FALSE(get(*engine, Family::docs, "torn"));
            CHECK_FALSE(get(*engine, Family::bodies, "torn"));
        }
    }
    const auto engine = open_rocks_engine(folder.path(), quick_rocks());
    CHECK(get(*engine, Family::docs, "torn") == "yes");
}

TEST_CASE("rocks engine: (writes what will be torn)" * doctest::skip()) {
    const auto folder = folder_of_other_process();
    const auto engine = open_rocks_engine(folder);
    const auto put = [&](const char* key, std::size_t bytes) {
        Batch batch;
        batch.put(Family::docs, key, "yes");
        batch.put(Family::bodies, key, Bytes(bytes, key[0]));
        engine->commit(batch, Durability::synced);
    };
    put("kept", 100);
    std::ifstream log(newest_log(folder), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(log), {});
    std::ofstream(folder / "kept") << text.find_last_not_of('\0') + 1;
    put("torn", 100'000);
    die_at_once();
}

TEST_CASE("rocks engine: a folder in use is refused") {
    EngineFolder folder;
    const auto engine = open_rocks_engine(folder.path(), quick_rocks());
    const auto said = "data folder " + folder.path().string() + " is in use by another process";
    CHECK(refusal(folder.path()) == said);
    const auto other = in_other_process("rocks engine: (opens a folder)", folder.path());
    CHECK(other.find(said) != std::string::npos);
}

TEST_CASE("rocks engine: (opens a folder)" * doctest::skip()) {
    MESSAGE(refusal(folder_of_other_process()));
}

TEST_CASE("rocks engine: a folder says what format it has, and another one is refused") {
    EngineFolder folder;
    open_rocks_engine(folder.path(), quick_rocks());
    std::ifstream format(folder.path() / "FORMAT");
    CHECK(std::string(std::istreambuf_iterator<char>(format), {}) == "divan 1\n");

    for (const char* other : {"divan 2\n", "", "divan 1", "divan 1\nmore", "\x1b[2J\n"}) {
        CAPTURE(std::string(other));
        write_file(folder.path() / "FORMAT", other);
        const auto said = refusal(folder.path());
        CHECK(said.starts_with("data folder " + folder.path().string() + " has format \""));
        CHECK(said.find('\n') == std::string::npos);
        CHECK(said.find('\x1b') == std::string::npos);
    }
    std::filesystem::remove(folder.path() / "FORMAT");
    CHECK(refusal(folder.path()).find("no FORMAT file") != std::string::npos);
    write_file(folder.path() / "FORMAT", "divan 1\n");
    CHECK(refusal(folder.path()) == "opened");
}

TEST_CASE("rocks engine: a folder is made where there is none; a file in its place is refused") {
    EngineFolder folder;
    CHECK(refusal(folder.path() / "new" / "deep") == "opened");
    write_file(folder.path() / "file", "");
    CHECK(refusal(folder.path() / "file").starts_with("data folder "));
    CHECK(refusal(folder.path() / "file" / "below").starts_with("data folder "));
}

TEST_CASE("rocks engine: a disk with too little left refuses commits, and lets room be made") {
    EngineFolder folder;
    auto options = quick_rocks();
    const auto left = std::filesystem::space(folder.path()).available;
    Batch write, erasure;
    write.put(Family::docs, "key", "value");
    erasure.erase_range(Family::docs, "a", "z");

    options.free_bytes_min = left / 2 * 3;
    {
        const auto engine = open_rocks_engine(folder.path(), options);
        try {
            engine->commit(write, Durability::synced);
            FAIL("written");
        } catch (const EngineFailure& failure) {
            CHECK(failure.code() == Code::storage_full);
        }
        Bytes value;
        CHECK_FALSE(engine->get(Family::docs, "key", value));
        engine->commit(erasure, Durability::synced);
    }
    options.free_bytes_min = left * 4;
    CHECK_THROWS_AS(open_rocks_engine(folder.path(), options)->commit(erasure, Durability::synced),
                    EngineFailure);
    options.free_bytes_min = 0;
    const auto engine = open_rocks_engine(folder.path(), options);
    engine->commit(write, Durability::synced);
    Bytes value;
    CHECK(engine->get(Family::docs, "key", value));
}

TEST_CASE("rocks engine: damaged data is told, not given") {
    EngineFolder folder;
    {
        const auto engine = open_rocks_engine(folder.path(), quick_rocks());
        commit(*engine, [](Batch& batch) {
            for (int i = 10'000; i < 20'000; ++i) {
                batch.put(Family::docs, std::to_string(i), std::to_string(i * 7919));
            }
        });
        engine->compact(Family::docs, "", "");
    }
    std::filesystem::path table;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        const bool larger = table.empty() || entry.file_size() > std::filesystem::file_size(table);
        if (entry.path().extension() == ".sst" && larger) table = entry.path();
    }
    std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(1000);
    file << std::string(2000, '#');
    file.close();

    const auto engine = open_rocks_engine(folder.path(), quick_rocks());
    Bytes value;
    CHECK_THROWS_AS(engine->get(Family::docs, "10100", value), EngineFailure);
    CHECK_THROWS_AS(engine->get_many(Family::docs, std::vector<Bytes>{"10100", "10101"}),
                    EngineFailure);
    const auto cursor = engine->cursor(Family::docs, "", "");
    CHECK_THROWS_AS(
        [&] {
            for (cursor->seek(""); cursor->valid(); cursor->next()) continue;
        }(),
        EngineFailure);
}

TEST_CASE("rocks engine: dropping many databases does not make others slower to read") {
    EngineFolder folder;
    const auto engine = open_rocks_engine(folder.path(), quick_rocks());
    for (int i = 10'000; i < 13'000; ++i) {
        const auto name = std::to_string(i);
        put_letters(*engine, Family::docs, "a");
        commit(*engine, [&](Batch& batch) { batch.put(Family::docs, name + "/doc", "v"); });
        if (i % 100 != 0) {
            commit(*engine, [&](Batch& batch) {
                batch.erase_range(Family::docs, name, name + "0");
            });
        }
        REQUIRE(get(*engine, Family::docs, name + "/doc").has_value() == (i % 100 == 0));
        REQUIRE(get(*engine, Family::docs, "10000/doc") == "v");
    }
    const auto cursor = engine->cursor(Family::docs, "1", "2");
    int left = 0;
    for (cursor->seek(""); cursor->valid(); cursor->next()) ++left;
    CHECK(left == 30);
}

}  // namespace divan::storage
