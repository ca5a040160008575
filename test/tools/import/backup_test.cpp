#include <doctest/doctest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>

#include "tools/import/backup/object_splitter.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/run.h"
#include "tools/import/verify.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

std::string split(std::string_view json, std::size_t piece = 1000) {
    std::string objects;
    ObjectSplitter splitter([&](std::string_view object) {
        objects += std::string(object) + ";";
    });
    for (std::size_t at = 0; at < json.size(); at += piece) splitter.feed(json.substr(at, piece));
    splitter.finish();
    return objects;
}

struct BackupImport {
    fs::path folder =
        fs::temp_directory_path() / ("divan_backup_test_" + std::to_string(::getpid()));
    std::unique_ptr<Target> target;

    BackupImport() {
        fs::remove_all(folder);
        fs::create_directories(folder);
        target = open_folder_target(folder / "data");
    }
    ~BackupImport() {
        target.reset();
        fs::remove_all(folder);
    }
    std::string file(const std::string& name, const std::string& text) const {
        std::ofstream(folder / name, std::ios::binary) << text;
        return folder / name;
    }
    RunReport run(const std::string& path) {
        const auto source = open_source(path);
        auto journal = Journal::begin(folder / "runs", path, "data");
        Counters counters;
        return run_import(*source, target.get(), journal, {}, counters);
    }
    std::uint64_t differences(const std::string& path, const std::string& name) {
        std::uint64_t count = 0;
        const auto source = open_source(path);
        verify_database(*source->open(name), *target->open_existing(name),
                        [&](const Difference& one) {
                            MESSAGE(one.what << ": " << one.how);
                            ++count;
                        });
        return count;
    }
    Document read(const std::string& name, const std::string& id) {
        return target->open_existing(name)->read({id}).front();
    }
};

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 100, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

// Two leaves of one document in different lines, as couchbackup writes them.
const char* const couchbackup =
    "{\"name\":\"@cloudant/couchbackup\",\"version\":\"2.11.0\",\"mode\":\"full\"}\n"
    "[{\"_id\":\"a\",\"_rev\":\"2-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\",\"n\":1,"
    "\"_revisions\":{\"start\":2,\"ids\":[\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\","
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}]\n"
    "[{\"_id\":\"a\",\"_rev\":\"2-cccccccccccccccccccccccccccccccc\",\"n\":2,"
    "\"_revisions\":{\"start\":2,\"ids\":[\"cccccccccccccccccccccccccccccccc\","
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}},"
    "{\"_id\":\"gone\",\"_rev\":\"2-dddddddddddddddddddddddddddddddd\",\"_deleted\":true,"
    "\"_revisions\":{\"start\":2,\"ids\":[\"dddddddddddddddddddddddddddddddd\","
    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}}]\n";

}  // namespace

TEST_CASE("backup: every form of list is cut into its objects, wherever the reads end") {
    struct Case {
        const char* json;
        const char* objects;
    };
    const Case cases[] = {
        {R"([{"a":1},{"b":[{"c":2}]}])", R"({"a":1};{"b":[{"c":2}]};)"},
        {"{\"_id\":\"x\"}\n{\"_id\":\"y\"}\n", R"({"_id":"x"};{"_id":"y"};)"},
        {R"({"docs":[{"a":"}\"]"},{}]})", R"({"a":"}\"]"};{};)"},
        {R"({"total_rows":1,"rows":[{"id":"x","doc":{"rows":[{}]}}]})",
         R"({"id":"x","doc":{"rows":[{}]}};)"},
        {R"({"_id":"x","docs":[{"a":1}]})", R"({"_id":"x","docs":[{"a":1}]};)"},
        {R"({"new_edits":false,"docs":[{"a":1}]}{"docs":[{"b":1}]})", R"({"a":1};{"b":1};)"},
        {"[]\n[{}]", "{};"},
        {"", ""},
    };
    for (const auto& one : cases) {
        for (const std::size_t piece : {1, 2, 7, 1000}) {
            CAPTURE(one.json);
            CHECK(split(one.json, piece) == one.objects);
        }
    }
    CHECK_THROWS_AS(split("[{]}"), Damage);
    CHECK_THROWS_AS(split("[{\"a\":1"), Damage);
    CHECK_THROWS_AS(split("}"), Damage);
    CHECK_THROWS_AS(split(std::string(20'000, '[')), Damage);
}

TEST_CASE_FIXTURE(BackupImport, "backup: a couchbackup file, plain and gzipped") {
    for (const auto& path : {file("plain.txt", couchbackup), file("packed.txt.gz",
                                                                  gzip(couchbackup))}) {
        const auto name = path.ends_with("gz") ? "packed" : "plain";
        const auto report = run(path);
        CHECK(report.finished());
        CHECK(report.failures() == 0);
        CHECK(report.databases[0].documents == 3);
        CHECK(read(name, "a").leaves.size() == 2);
        CHECK(read(name, "a").leaves[0].path.size() == 2);
        CHECK(read(name, "gone").leaves[0].deleted);
        CHECK(differences(path, name) == 0);
    }
    const auto torn = gzip(couchbackup);
    CHECK(run(file("torn.gz", torn.substr(0, torn.size() / 2))).failures() > 0);
}

TEST_CASE_FIXTURE(BackupImport, "backup: answers of _all_docs, with attachments inside") {
    const auto path = file("dump.json", R"({"total_rows":2,"offset":0,"rows":[
        {"id":"a","key":"a","value":{"rev":"1-0123456789abcdef0123456789abcdef"},
         "doc":{"_id":"a","_rev":"1-0123456789abcdef0123456789abcdef","x":1,
                "_attachments":{"t":{"content_type":"text/plain","revpos":1,"data":"aGVsbG8="}}}},
        {"id":"b","key":"b","value":{"rev":"1-0123456789abcdef0123456789abcdee"},
         "doc":{"_id":"b","_rev":"1-0123456789abcdef0123456789abcdee",
                "_attachments":{"t":{"content_type":"text/plain","stub":true,"length":3}}}}]})");
    const auto report = run(path);
    CHECK(report.databases[0].documents == 1);
    REQUIRE(report.databases[0].failures.size() == 1);
    CHECK(report.databases[0].failures[0].reason.find("only named") != std::string::npos);
    const auto a = read("dump", "a");
    REQUIRE(a.leaves.size() == 1);
    CHECK(a.leaves[0].json == R"({"x":1})");
    REQUIRE(a.leaves[0].attachments.size() == 1);
    CHECK(a.leaves[0].attachments[0].length == 5);
}

TEST_CASE_FIXTURE(BackupImport, "backup: documents without revisions get CouchDB's own") {
    const auto path = file("lines.jsonl", "{\"_id\":\"a\",\"n\":1}\nnonsense\n{\"n\":1}\n");
    const auto report = run(path);
    CHECK(report.failures() == 2);
    const auto once = read("lines", "a");
    REQUIRE(once.leaves.size() == 1);
    CHECK(storage::to_string(once.leaves[0].revision()) ==
          "1-731bef401491606a3b246ed178e697c1");
    run(path);
    CHECK(read("lines", "a").leaves.size() == 1);
}

}  // namespace divan::import
