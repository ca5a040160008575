#include "storage/database/partition_sizes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

#include "storage/database/partition_info.h"
#include "storage/database/writer.h"
#include "test/storage/database/fixture.h"

namespace divan::storage {
namespace {

struct PartitionedFixture : DatabaseFixture {
    PartitionedFixture() {
        database = catalog.create("partitioned", {.partitioned = true, .security = {}}).value();
    }
    std::uint64_t bytes(std::string_view partition) const {
        return partition_info(*database->view(), partition).bytes;
    }
    EditOutcome write_limited(const std::string& json, std::uint64_t bytes_max) {
        std::vector<Edit> edits;
        edits.push_back(make_edit(parse_client_document(json).value(), true).value());
        edits.back().partition_bytes_max = bytes_max;
        return database->writer().write(std::move(edits)).value().front();
    }
};

std::string with_attachment(const std::string& document, std::size_t bytes) {
    return fmt::format(
        R"({},"_attachments":{{"a":{{"data":"{}","content_type":"image/png"}}}}}})",
        document.substr(0, document.size() - 1), std::string(bytes * 4, 'A'));
}

}  // namespace

TEST_CASE("partitions: a full one takes only what makes it smaller") {
    PartitionedFixture f;
    const auto revision = f.put(R"({"_id":"p:a","text":"1234567890"})");
    const auto limit = f.bytes("p");

    const auto refused = f.write_limited(R"({"_id":"p:b"})", limit);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error() == Error{Code::forbidden,
                                   "Partition limit exceeded due to update on 'p:b'",
                                   "partition_overflow"});
    CHECK(f.write_limited(R"({"_id":"q:b"})", limit).has_value());
    CHECK(f.write_limited(R"({"_id":"_design/d"})", limit).has_value());
    CHECK(f.write_limited(R"({"_id":"p:b"})", limit + 1).has_value());

    const auto edit = [&](std::string_view text) {
        return fmt::format(R"({{"_id":"p:a","_rev":"{}","text":"{}"}})", revision, text);
    };
    CHECK(f.write_limited(edit("12345678901"), limit).has_error());
    CHECK(f.write_limited(edit("123456789"), limit).has_value());
    CHECK(f.write(R"({"_id":"p:c","_rev":"1-00","text":"from elsewhere"})", false).has_value());
}

TEST_CASE("partitions: a stub counts as what it stands for") {
    PartitionedFixture f;
    const auto revision = f.put(with_attachment(R"({"_id":"p:a","n":10})", 100));
    const auto stub = [&](int n) {
        return fmt::format(
            R"({{"_id":"p:a","_rev":"{}","n":{},"_attachments":{{"a":{{"stub":true}}}}}})",
            revision, n);
    };
    CHECK(f.write_limited(stub(100), f.bytes("p")).has_error());
    CHECK(f.write_limited(stub(1), f.bytes("p")).has_value());
}

TEST_CASE("partitions: sizes are kept true by whatever is committed") {
    PartitionedFixture f;
    std::mt19937 random(11);
    std::map<std::string, std::string> revisions;
    for (int round = 0; round < 400; ++round) {
        CAPTURE(round);
        const auto id = fmt::format("p{}:{}", random() % 2, random() % 8);
        auto json = fmt::format(R"({{"_id":"{}","text":"{}"}})", id,
                                std::string(random() % 50, 'x'));
        auto& revision = revisions[id];
        if (!revision.empty()) json.insert(1, fmt::format(R"("_rev":"{}",)", revision));
        switch (random() % 8) {
            case 0:
                if (revision.empty()) break;
                f.put(fmt::format(R"({{"_id":"{}","_rev":"{}","_deleted":true}})", id, revision));
                revision.clear();
                break;
            case 1:
                if (revision.empty()) break;
                f.database->writer().purge({{id, {parse_revision(revision).value()}}}).value();
                revision.clear();
                break;
            case 2:
                f.write(fmt::format(R"({{"_id":"{}","_rev":"1-{:032x}","n":1}})", id, round),
                        false).value();
                break;
            case 3: f.database->writer().compact({id}).value(); break;
            case 4: json = with_attachment(json, 1 + random() % 20); [[fallthrough]];
            default: {
                const auto outcome = f.write(json);
                if (outcome.has_value()) revision = to_string(outcome.value());
            }
        }
        for (const auto* partition : {"p0", "p1"}) {
            const auto bytes = f.bytes(partition);
            const auto probe = fmt::format(R"({{"_id":"{}:probe-{}"}})", partition, round);
            if (bytes > 0) REQUIRE(f.write_limited(probe, bytes).has_error());
            if (round % 40 == 0) REQUIRE(f.write_limited(probe, bytes + 1).has_value());
        }
    }
}

}  // namespace divan::storage
