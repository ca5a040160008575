#include "replication/checkpoint.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "storage/base/json.h"

namespace divan::replication {
namespace {

std::string entry(const std::string& session, int sequence) {
    return fmt::format(R"({{"session_id":"{}","recorded_seq":{}}})", session, sequence);
}

/// A checkpoint with sessions, the newest first.
ReplicationLog log_of(const std::vector<std::pair<std::string, int>>& sessions) {
    std::string history;
    for (const auto& [session, sequence] : sessions) {
        if (!history.empty()) history += ',';
        history += entry(session, sequence);
    }
    return parse_log(fmt::format(
        R"({{"_id":"_local/x","_rev":"0-3","session_id":"{}","source_last_seq":{},)"
        R"("history":[{}]}})",
        sessions.front().first, sessions.front().second, history));
}

}  // namespace

TEST_CASE("checkpoints: both ends know the last session") {
    const auto source = log_of({{"b", 9}, {"a", 4}});
    const auto common = compare_logs(source, log_of({{"b", 9}, {"a", 4}}));
    CHECK(common.since == "9");
    CHECK(common.history.size() == 2);
    CHECK(source.revision == "0-3");
}

TEST_CASE("checkpoints: a session that one end lost is walked over") {
    const auto newer = log_of({{"c", 12}, {"b", 9}, {"a", 4}});
    const auto older = log_of({{"b", 9}, {"a", 4}});
    const auto on_target = compare_logs(older, newer);
    CHECK(on_target.since == "9");
    CHECK(on_target.history.size() == 1);
    const auto on_source = compare_logs(newer, older);
    CHECK(on_source.since == "9");
    CHECK(on_source.history.front().session_id == "a");
}

TEST_CASE("checkpoints: without a common session everything starts again") {
    CHECK(compare_logs(log_of({{"a", 4}}), log_of({{"b", 9}})).since == "0");
    CHECK(compare_logs(log_of({{"a", 4}}), ReplicationLog()).since == "0");
    CHECK(compare_logs(ReplicationLog(), log_of({{"a", 4}})).since == "0");
    CHECK(compare_logs(ReplicationLog(), ReplicationLog()).since == "0");
}

TEST_CASE("checkpoints: what is no checkpoint counts as none") {
    for (const char* text : {"", "[]", "nonsense", "{}", R"({"session_id":7,"history":8})",
                             R"({"history":[1,null,"x",{}]})",
                             R"({"source_last_seq":12,"history":[{"recorded_seq":12}]})"}) {
        CAPTURE(text);
        const auto log = parse_log(text);
        CHECK(compare_logs(log, log).since == "0");
    }
    CHECK(parse_log(R"({"source_last_seq":null})").source_last_sequence == "0");
    CHECK(parse_log(R"({"source_last_seq":[3,"x"]})").source_last_sequence == R"([3,"x"])");
    CHECK(parse_log(R"({"source_last_seq":"3-x"})").source_last_sequence == R"("3-x")");
}

TEST_CASE("checkpoints: what is written is read back, fifty sessions at most") {
    Session session;
    session.id = "new";
    session.start_time = 0;
    session.end_time = 86400;
    session.start_sequence = "0";
    session.end_sequence = R"("9-abc")";
    session.counts.docs_written = 5;
    std::vector<HistoryEntry> earlier;
    for (int i = 0; i < 60; ++i) {
        HistoryEntry one;
        one.session_id = "s" + std::to_string(i);
        one.json = entry(one.session_id, i);
        earlier.push_back(one);
    }
    const auto text = "{" + write_log(session, earlier) + "}";
    const auto log = parse_log(text);
    CHECK(log.session_id == "new");
    CHECK(log.source_last_sequence == R"("9-abc")");
    REQUIRE(log.history.size() == 50);
    CHECK(log.history.front().counts.docs_written == 5);
    CHECK(log.history.back().session_id == "s48");
    CHECK(log.history.front().json ==
          R"({"session_id":"new","start_time":"Thu, 01 Jan 1970 00:00:00 GMT",)"
          R"("end_time":"Fri, 02 Jan 1970 00:00:00 GMT","start_last_seq":0,)"
          R"("end_last_seq":"9-abc","recorded_seq":"9-abc","missing_checked":0,)"
          R"("missing_found":0,"docs_read":0,"docs_written":5,"doc_write_failures":0,)"
          R"("bulk_get_docs":0,"bulk_get_attempts":0})");
}

}  // namespace divan::replication
