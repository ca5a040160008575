#include "auth/account_codes.h"

#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <string>

#include "storage/engine/memory_engine.h"
#include "test/auth/fixture.h"

namespace divan::auth {
namespace {

struct CodesFixture {
    std::unique_ptr<storage::Engine> engine = storage::make_memory_engine();
    SystemStore store{*engine};
    TestClock clock;
    AccountCodes codes{store, clock};
};

}  // namespace

TEST_CASE_FIXTURE(CodesFixture, "recovery codes: each works once, as people type it") {
    const auto set = codes.renew_recovery({"ann"});
    CHECK(set.size() == recovery_codes_count);
    CHECK(std::set<std::string>(set.begin(), set.end()).size() == set.size());
    const std::regex form("[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}");
    for (const auto& code : set) CHECK(std::regex_match(code, form));

    CHECK(codes.is_recovery({"ann"}, set[0]));
    CHECK_FALSE(codes.is_recovery({"bob"}, set[0]));
    CHECK_FALSE(codes.use_recovery({"bob"}, set[0]));
    CHECK(codes.use_recovery({"ann"}, set[0]));
    CHECK_FALSE(codes.use_recovery({"ann"}, set[0]));
    CHECK(codes.recovery_left("ann") == recovery_codes_count - 1);

    std::string typed;
    for (const char c : set[1]) {
        if (c == '-') {
            typed += ' ';
        } else {
            typed += c == '0' ? 'O' : c == '1' ? 'l' : static_cast<char>(std::toupper(c));
        }
    }
    CHECK(codes.use_recovery({"ann"}, typed));
    for (const std::string wrong : {"", "-", "0000-0000-0000-0000", "0000"}) {
        CHECK_FALSE(codes.use_recovery({"ann"}, wrong));
    }
    CHECK_FALSE(codes.use_recovery({"ann"}, set[2] + "0"));
}

TEST_CASE_FIXTURE(CodesFixture,
                  "recovery codes: a new set ends the old one; none is kept as text") {
    const auto old = codes.renew_recovery({"ann"});
    const auto fresh = codes.renew_recovery({"ann"});
    CHECK_FALSE(codes.is_recovery({"ann"}, old[0]));
    CHECK(codes.is_recovery({"ann"}, fresh[0]));
    CHECK(codes.recovery_left("ann") == recovery_codes_count);
    store.each(RecordKind::recovery_code, {}, [&](std::string_view key, BytesView value) {
        CHECK(value.empty());
        for (const auto& code : fresh) CHECK(key.find(code) == std::string_view::npos);
        return true;
    });
}

TEST_CASE_FIXTURE(CodesFixture, "recovery codes: a user's are not those of an admin of that name") {
    const auto users = codes.renew_recovery({"ann", false});
    CHECK_FALSE(codes.is_recovery({"ann", true}, users[0]));
    CHECK_FALSE(codes.use_recovery({"ann", true}, users[0]));
    const auto admins = codes.renew_recovery({"ann", true});
    CHECK_FALSE(codes.use_recovery({"ann", false}, admins[0]));
    CHECK(codes.use_recovery({"ann", true}, admins[0]));
}

TEST_CASE_FIXTURE(CodesFixture, "invitations: found by their code until they expire or are spent") {
    const auto issued = codes
                            .invite(
                                {
                                    "ann", {"nurse", "night"},
                                     "admin", 0
    },
                                60)
                            .value();
    CHECK(issued.expires == clock.seconds + 60);
    const auto found = codes.find_invitation(issued.code).value();
    CHECK(found.name == "ann");
    CHECK(found.roles == std::vector<std::string>{"nurse", "night"});
    CHECK(found.issued_by == "admin");
    CHECK_FALSE(codes.find_invitation("0000-0000-0000-0000"));
    CHECK_FALSE(codes.find_invitation(""));

    const auto key = AccountCodes::invitation_key(issued.code);
    CHECK(codes.is_open(key));
    clock.seconds += 60;
    CHECK_FALSE(codes.is_open(key));
    CHECK_FALSE(codes.find_invitation(issued.code));

    const auto other = codes.invite({}, 60).value();
    storage::Batch batch;
    AccountCodes::close(AccountCodes::invitation_key(other.code), batch);
    store.commit(batch);
    CHECK_FALSE(codes.find_invitation(other.code));
}

TEST_CASE_FIXTURE(CodesFixture, "invitations: their number is bounded, expired ones make room") {
    for (std::size_t i = 0; i < invitations_max; ++i) {
        storage::Batch batch;
        const auto key = AccountCodes::invitation_key(std::to_string(i));
        Bytes value;
        ByteWriter writer(value);
        writer.u8(1);
        writer.sized("");
        writer.varint(0);
        writer.sized("");
        writer.u64(static_cast<std::uint64_t>(clock.seconds + 60));
        SystemStore::put(batch, key.kind, key.key, std::move(value));
        store.commit(batch);
    }
    CHECK(codes.invite({}, 60).error().code == Code::forbidden);
    clock.seconds += 61;
    CHECK(codes.invite({}, 60).has_value());
}

}  // namespace divan::auth
