#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "tools/import/run.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

// What is in a target, as numbers.
struct Numbers {
    std::map<std::string, std::set<std::string>> documents, locals;
    std::size_t most_at_once = 0;
};

class CountedDatabase final : public TargetDatabase {
public:
    CountedDatabase(Numbers& numbers, std::string name)
        : numbers_(numbers), name_(std::move(name)) {}
    void purge(const std::vector<MissingLeaves>& created) override {
        numbers_.most_at_once = std::max(numbers_.most_at_once, created.size());
        for (const auto& one : created) numbers_.documents[name_].erase(one.id);
    }
    void erase_local(const std::string& id) override { numbers_.locals[name_].erase(id); }
    std::uint64_t document_count() override { return numbers_.documents[name_].size(); }

    std::vector<MissingLeaves> missing(const std::vector<Document>&) override { return {}; }
    void write(std::vector<Document>, const TellFailure&) override {}
    void write_local(const LocalDocument&) override {}
    void write_settings(const DatabaseInfo&) override {}
    DatabaseInfo info() override { return {}; }
    std::vector<Document> read(const std::vector<std::string>&) override { return {}; }
    std::optional<LocalDocument> read_local(const std::string&) override { return {}; }
    std::vector<Purge> purges() override { return {}; }

private:
    Numbers& numbers_;
    const std::string name_;
};

class CountedTarget final : public Target {
public:
    explicit CountedTarget(Numbers& numbers) : numbers_(numbers) {}
    bool exists(const std::string& name) override { return numbers_.documents.contains(name); }
    std::unique_ptr<TargetDatabase> open(const DatabaseInfo& info) override {
        return open_existing(info.name);
    }
    std::unique_ptr<TargetDatabase> open_existing(const std::string& name) override {
        return std::make_unique<CountedDatabase>(numbers_, name);
    }
    void erase(const std::string& name) override { numbers_.documents.erase(name); }

private:
    Numbers& numbers_;
};

}  // namespace

TEST_CASE("rollback: a journal of any length is undone in pieces") {
    const auto folder =
        fs::temp_directory_path() / ("divan_rollback_test_" + std::to_string(::getpid()));
    auto journal = Journal::begin(folder, "source", "target");
    Numbers numbers;
    constexpr int databases = 40;
    constexpr int batches = 25;
    constexpr int documents = 100;
    numbers.documents["before"] = {"theirs"};
    // As several jobs leave it: databases in turn.
    for (int batch = 0; batch < batches; ++batch) {
        for (int database = 0; database < databases; ++database) {
            const auto name = fmt::format("db{}", database);
            if (batch == 0) journal.note_new_database(name);
            std::vector<MissingLeaves> made;
            for (int number = 0; number < documents; ++number) {
                const auto id = fmt::format("{}-{}", batch, number);
                made.push_back({id, {{1, storage::RevisionHash(std::string(16, 'a'))}}, false});
                numbers.documents[name].insert(id);
            }
            journal.note_created(name, made);
        }
    }
    journal.note_local("db7", "_local/x");
    numbers.locals["db7"] = {"_local/x"};
    journal.note_created("before", {{"ours", {{1, storage::RevisionHash("a")}}, false}});
    numbers.documents["before"].insert("ours");
    numbers.documents["db3"].insert("came later");

    CountedTarget target(numbers);
    auto again = Journal::reopen(folder, journal.head().id);
    CHECK(roll_back(target, again) == databases * batches * documents + 1);
    CHECK(numbers.most_at_once <= 10'000);
    CHECK(numbers.most_at_once < batches * documents);
    CHECK(numbers.documents.size() == 2);
    CHECK(numbers.documents["before"] == std::set<std::string>{"theirs"});
    CHECK(numbers.documents["db3"] == std::set<std::string>{"came later"});
    CHECK(numbers.locals["db7"].empty());
    fs::remove_all(folder);
}

}  // namespace divan::import
