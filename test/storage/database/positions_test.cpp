#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <set>

#include "storage/database/all_docs.h"
#include "storage/database/changes.h"
#include "storage/engine/fault_engine.h"
#include "test/storage/database/fixture.h"

// Strategy: many documents are made and deleted in random order, so that the counted ranges split;
// then every kind of walk is compared with the same walk over a plain ordered set.
// Invariants: rows, `offset`, `total_rows` and pending counts are those of the set.
namespace divan::storage {
namespace {

std::vector<std::string> walk(const Database& database, const IdRange& range,
                              std::uint64_t& offset) {
    AllDocsScan scan(database.view(), range);
    offset = scan.offset();
    std::vector<std::string> ids;
    while (const auto* row = scan.next()) ids.emplace_back(row->id);
    return ids;
}

struct Model {
    std::set<std::string> live;

    std::vector<std::string> walk(const IdRange& range, std::uint64_t& offset) const {
        std::vector<std::string> all(live.begin(), live.end());
        if (range.descending) std::reverse(all.begin(), all.end());
        const auto before = [&](const std::string& a, const std::string& b) {
            return range.descending ? a > b : a < b;
        };
        std::size_t at = 0;
        while (range.start && at < all.size() && before(all[at], *range.start)) ++at;
        at = std::min<std::size_t>(all.size(), at + static_cast<std::size_t>(range.skip));
        offset = at;
        std::vector<std::string> ids;
        for (; at < all.size() && ids.size() < range.limit; ++at) {
            if (range.end && before(*range.end, all[at])) break;
            if (range.end && all[at] == *range.end && !range.inclusive_end) break;
            ids.push_back(all[at]);
        }
        return ids;
    }
};

}  // namespace

TEST_CASE("_all_docs: rows, offset and total are exact whatever was made and deleted") {
    DatabaseFixture f;
    Model model;
    std::mt19937 random(7);
    const auto id = [&] { return fmt::format("{:05}", random() % 9000); };
    for (int round = 0; round < 12; ++round) {
        std::vector<Edit> edits;
        std::set<std::string> touched;
        for (int n = 0; n < 1200; ++n) {
            const auto name = id();
            if (!touched.insert(name).second) continue;
            const auto found = read_winner(*f.database, name);
            std::string json = fmt::format(R"({{"_id":"{}")", name);
            if (found && !found->head.deleted) {
                json += fmt::format(R"(,"_rev":"{}","_deleted":true)",
                                    to_string(found->head.winner));
                model.live.erase(name);
            } else {
                model.live.insert(name);
            }
            edits.push_back(make_edit(parse_client_document(json + "}").value(), true).value());
        }
        for (const auto& outcome : f.database->writer().write(std::move(edits)).value()) {
            CHECK(outcome.has_value());
        }
    }
    CHECK(f.database->state().document_count == model.live.size());

    for (int n = 0; n < 300; ++n) {
        IdRange range;
        if (random() % 2) range.start = id();
        if (random() % 2) range.end = id();
        range.descending = random() % 2;
        range.inclusive_end = random() % 2;
        range.skip = random() % 3 ? random() % 20 : random() % 7000;
        range.limit = random() % 50;
        std::uint64_t offset = 0;
        std::uint64_t wanted_offset = 0;
        const auto rows = walk(*f.database, range, offset);
        const auto wanted = model.walk(range, wanted_offset);
        CAPTURE(n);
        CHECK(rows == wanted);
        CHECK(offset == wanted_offset);
    }

    const auto view = f.database->view();
    for (std::uint64_t since = 0; since < 9000; since += 371) {
        std::uint64_t wanted = 0;
        ChangesScan scan(view, Sequence{since});
        while (scan.next() != nullptr) ++wanted;
        CHECK(count_changes(*view, Sequence{since}) == wanted);
    }
}

TEST_CASE("positions: an old view keeps its own counts while the database changes") {
    DatabaseFixture f;
    for (int n = 0; n < 10; ++n) f.put(fmt::format(R"({{"_id":"{}"}})", n));
    const auto old = f.database->view();
    for (int n = 10; n < 20; ++n) f.put(fmt::format(R"({{"_id":"0{}"}})", n));

    IdRange range;
    range.start = "5";
    CHECK(AllDocsScan(old, range).offset() == 5);
    CHECK(AllDocsScan(old, range).total_rows() == 10);
    CHECK(AllDocsScan(f.database->view(), range).offset() == 15);
    CHECK(count_changes(*old, Sequence{4}) == 6);
}

TEST_CASE("positions: counts stay true when a range could not be split") {
    FaultEngine faults(make_memory_engine());
    Catalog catalog(faults);
    const auto database = catalog.create("db").value();
    const auto write = [&](int from, int count) {
        std::vector<Edit> edits;
        for (int n = from; n < from + count; ++n) {
            const auto json = fmt::format(R"({{"_id":"{:05}"}})", n);
            edits.push_back(make_edit(parse_client_document(json).value(), true).value());
        }
        for (const auto& outcome : database->writer().write(std::move(edits)).value()) {
            CHECK(outcome.has_value());
        }
    };
    // The edits are committed, the split that follows is not.
    faults.fail_commits(1, EngineFailure(Code::storage_full, "no space"), 1);
    write(0, 3000);
    write(3000, 10);

    IdRange range;
    range.start = "02999";
    CHECK(AllDocsScan(database->view(), range).offset() == 2999);
    CHECK(AllDocsScan(database->view(), range).total_rows() == 3010);
    Catalog again(faults);
    CHECK(AllDocsScan(again.open("db")->view(), range).offset() == 2999);
}

TEST_CASE("_design_docs: only design documents count") {
    DatabaseFixture f;
    for (const char* id : {"Z", "_design/a", "_design/b", "a", "b"}) {
        f.put(fmt::format(R"({{"_id":"{}"}})", id));
    }
    IdRange range;
    range.design_only = true;
    AllDocsScan scan(f.database->view(), range);
    CHECK(scan.total_rows() == 2);
    CHECK(scan.offset() == 1);  // CouchDB counts the documents before the first design document.
    CHECK(scan.next()->id == "_design/a");
    CHECK(scan.body()->text() == "{}");
    CHECK(scan.next()->id == "_design/b");
    CHECK(scan.next() == nullptr);
}

}  // namespace divan::storage
