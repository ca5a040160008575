#include "storage/database/former_sequences.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "storage/database/changes.h"
#include "test/storage/couch_sequence_text.h"
#include "test/storage/database/fixture.h"

namespace divan::storage {
namespace {

// A database of another server: files that count changes, each of documents of its own.
struct OldServer {
    struct Changed {
        std::size_t shard;
        std::uint64_t sequence;
        std::uint64_t generation;
    };
    std::vector<FormerShard> shards;
    std::map<std::string, Changed> documents;

    explicit OldServer(std::size_t count) {
        const auto width = static_cast<std::uint32_t>((1ULL << 32) / count - 1);
        std::uint32_t begin = 0;
        for (std::size_t at = 0; at < count; ++at, begin += width + 1) {
            shards.push_back({begin, begin + width, fmt::format("{:032x}", at * 7919 + 17),
                              {{"couchdb@127.0.0.1", 0}}, 0});
        }
    }
    void edit(const std::string& id) {
        const auto shard = std::hash<std::string>()(id) % shards.size();
        auto& document = documents[id];
        document = {shard, ++shards[shard].sequence, document.generation + 1};
    }
    std::string sequence() const {
        std::vector<CouchShardSequence> all;
        for (const auto& one : shards) {
            all.push_back({one.begin, one.end, one.sequence, one.uuid.substr(0, 7),
                           "couchdb@127.0.0.1"});
        }
        return couch_sequence_text(all);
    }
};

Edit imported(const std::string& id, std::uint64_t generation, Sequence at_least) {
    Edit edit;
    edit.id = id;
    edit.replicated = true;
    edit.generation = generation;
    for (auto left = generation; left > 0; --left) {
        edit.path.emplace_back(fmt::format("{:>16}", left));
    }
    edit.body = "{}";
    edit.at_least = at_least;
    return edit;
}

// All that the old server has, in an order that costs most where `shuffled`.
void import(Database& database, const OldServer& old, bool plain, bool shuffled,
            std::minstd_rand& random) {
    const auto former = take_over_sequences(database, old.shards, plain);
    std::vector<Edit> edits;
    for (const auto& [id, changed] : old.documents) {
        const auto at_least = former ? former->here(changed.shard, changed.sequence) : Sequence{};
        edits.push_back(imported(id, changed.generation, at_least));
    }
    if (shuffled) {
        std::shuffle(edits.begin(), edits.end(), random);
    } else {
        std::sort(edits.begin(), edits.end(),
                  [](const Edit& one, const Edit& other) { return one.at_least < other.at_least; });
    }
    for (std::size_t from = 0; from < edits.size();) {
        const auto to = std::min<std::size_t>(from + 1 + random() % 300, edits.size());
        const auto at = [&](std::size_t n) {
            return edits.begin() + static_cast<std::ptrdiff_t>(n);
        };
        for (const auto& outcome : database.writer().write({at(from), at(to)}).value()) {
            CHECK(outcome.has_value());
        }
        from = to;
    }
}

std::set<std::string> sent(const Database& database, Sequence since) {
    std::set<std::string> ids;
    ChangesScan scan(database.view(), since);
    while (const auto* change = scan.next()) ids.insert(change->id);
    return ids;
}

// A client of the old server: where it was, and what it had.
struct Client {
    std::string sequence;
    std::map<std::string, OldServer::Changed> has;
    std::set<std::string> own = {};  ///< Written in the new server before it came.
};

// Everything that the client lacks must be sent; returns how much is sent that it has.
std::size_t check(const Database& database, const OldServer& old, const Client& client,
                  const std::set<std::string>& written_here) {
    const auto since = database.parse_sequence(client.sequence).value();
    const auto ids = sent(database, since);
    std::size_t lacking = 0;
    std::size_t repeated = 0;
    for (const auto& [id, changed] : old.documents) {
        const auto has = client.has.find(id);
        const bool same = has != client.has.end() && has->second.generation == changed.generation;
        if (!same && !ids.contains(id)) ++lacking;
        if (same && ids.contains(id)) ++repeated;
    }
    for (const auto& id : written_here) lacking += ids.contains(id) ? 0 : 1;
    CHECK(lacking == 0);
    return repeated;
}

}  // namespace

TEST_CASE("former sequences: no client ever misses a change, whatever happens in between") {
    std::minstd_rand random(11);
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        const bool plain = round % 4 == 0;
        OldServer old(plain ? 1 : 1 + random() % 8);
        DatabaseFixture f;
        if (random() % 2 == 0) f.database->set_security(R"({"admins":{}})");
        std::vector<Client> clients;
        std::set<std::string> written_here;
        const auto here = [&] {
            for (auto left = random() % 5; left > 0; --left) {
                const auto id = fmt::format("here-{}", written_here.size());
                f.put(fmt::format(R"({{"_id":"{}"}})", id));
                written_here.insert(id);
            }
        };
        for (auto phases = 1 + random() % 3; phases > 0; --phases) {
            for (auto edits = random() % 1500; edits > 0; --edits) {
                old.edit(fmt::format("d{}", random() % 400));
                if (random() % 150 != 0) continue;
                clients.push_back({plain ? std::to_string(old.shards[0].sequence) : old.sequence(),
                                   old.documents});
            }
            if (random() % 6 == 0) here();
            import(*f.database, old, plain, random() % 3 == 0, random);
            if (random() % 3 == 0) here();
        }
        here();
        for (const auto& client : clients) check(*f.database, old, client, written_here);
    }
}

TEST_CASE("former sequences: who has all gets nothing, who has most gets little") {
    std::minstd_rand random(3);
    for (const std::size_t shards : {1, 2, 8}) {
        CAPTURE(shards);
        OldServer old(shards);
        DatabaseFixture f;
        f.database->set_security(R"({"admins":{}})");
        f.database->set_revs_limit(900);
        Client late;
        constexpr std::size_t edits = 12'000;
        for (std::size_t n = 0; n < edits; ++n) {
            old.edit(fmt::format("d{}", random() % 4000));
            if (n == edits - 500) late = {old.sequence(), old.documents};
        }
        import(*f.database, old, false, false, random);
        const Client current{old.sequence(), old.documents};
        CHECK(check(*f.database, old, current, {}) == 0);
        CHECK(check(*f.database, old, late, {}) < 400);

        // The same again, with what came since.
        for (int n = 0; n < 100; ++n) old.edit(fmt::format("d{}", random() % 4000));
        import(*f.database, old, false, false, random);
        CHECK(check(*f.database, old, {old.sequence(), old.documents}, {}) == 0);
        CHECK(check(*f.database, old, current, {}) < 100);

        f.put(R"({"_id":"new"})");
        const auto since = f.database->parse_sequence(old.sequence()).value();
        CHECK(sent(*f.database, since) == std::set<std::string>{"new"});
        // Numbers that are left out cost nothing.
        for (std::uint64_t from = 0; from < 14'000; from += 777) {
            std::uint64_t counted = 0;
            ChangesScan scan(f.database->view(), Sequence{from});
            while (scan.next() != nullptr) ++counted;
            CHECK(count_changes(*f.database->view(), Sequence{from}) == counted);
        }
    }
}

TEST_CASE("former sequences: of another file, node or server nothing is believed") {
    std::minstd_rand random(1);
    OldServer old(2);
    for (int n = 0; n < 50; ++n) old.edit(fmt::format("d{}", n));
    old.shards[0].epochs = {{"new@host", 20}, {"couchdb@127.0.0.1", 0}};
    DatabaseFixture f;
    import(*f.database, old, false, false, random);
    const auto& database = *f.database;
    const auto since = [&](const std::vector<CouchShardSequence>& all) {
        return database.parse_sequence(couch_sequence_text(all)).value();
    };
    std::vector<CouchShardSequence> all;
    for (const auto& one : old.shards) {
        all.push_back({one.begin, one.end, one.sequence, one.uuid.substr(0, 7), "new@host"});
    }
    all[1].node = "couchdb@127.0.0.1";
    CHECK(since(all) == database.state().update_sequence);
    const auto nothing = database.parse_sequence("0-g2o").value();
    CHECK(sent(database, nothing).size() == 50);
    // Whatever is known of the other shard, all of this one is sent.
    const auto all_sent = [&](std::size_t shard, const std::vector<CouchShardSequence>& vector) {
        const auto ids = sent(database, since(vector));
        return std::all_of(old.documents.begin(), old.documents.end(), [&](const auto& one) {
            return one.second.shard != shard || ids.contains(one.first);
        });
    };

    auto other = all;
    CHECK_FALSE(all_sent(1, other));
    other[1].uuid = "fffffff";
    CHECK(all_sent(1, other));
    other = all;
    other[1].uuid.clear();
    CHECK(all_sent(1, other));
    other = all;
    other[1].node = "stranger@host";
    CHECK(all_sent(1, other));
    other = all;
    other.pop_back();
    CHECK(all_sent(1, other));
    // Counted by the node that had the file before: what it counted after that is not in it.
    other = all;
    other[0].node = "couchdb@127.0.0.1";
    CHECK(since(other) > nothing);
    CHECK(since(other) < since(all));

    CHECK(database.parse_sequence("50").value() == Sequence{});
    CHECK_FALSE(database.parse_sequence("50-abc").has_value());
    CHECK_FALSE(database.parse_sequence("50-").has_value());
    CHECK_FALSE(database.parse_sequence("50-g1AAA\"").has_value());
    CHECK(database.parse_sequence("50-g1AAA").value() == Sequence{});
    f.catalog.erase("db");
    CHECK(f.catalog.create("db").value()->parse_sequence(couch_sequence_text(all)).value() ==
          Sequence{});
}

TEST_CASE("former sequences: other files into the same database make them worthless") {
    std::minstd_rand random(1);
    for (const bool back : {false, true}) {
        CAPTURE(back);
        OldServer old(1);
        for (int n = 0; n < 50; ++n) old.edit(fmt::format("d{}", n));
        DatabaseFixture f;
        import(*f.database, old, true, false, random);
        CHECK(f.database->parse_sequence("50").value() > Sequence{});
        auto second = old;
        if (back) {
            second.shards[0].sequence = 40;
        } else {
            second.shards[0].uuid = "another";
        }
        CHECK_FALSE(take_over_sequences(*f.database, second.shards, true));
        CHECK(f.database->parse_sequence("50").value() == Sequence{});
    }
}

TEST_CASE("former sequences: absurd numbers are not taken over") {
    CHECK_FALSE(FormerSequences::make({{0, 1, "a", {}, 1ULL << 60}}, true, {}));
    CHECK_FALSE(FormerSequences::make({}, false, {}));
    CHECK_FALSE(FormerSequences::make({{0, 1, "", {}, 5}}, false, {}));
    const auto made = FormerSequences::make({{0, 1, "a", {}, 5}, {2, 3, "b", {}, 1000}}, false, {});
    REQUIRE(made);
    CHECK(made->here(0, 1ULL << 60) == Sequence{});
    CHECK(made->here(0, UINT64_MAX) == Sequence{});
    CHECK(FormerSequences::decode(made->encode()).here(0, 5) == made->here(0, 5));
}

}  // namespace divan::storage
