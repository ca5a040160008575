#include "server/handlers/changes/changes.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "test/server/handlers/handler_host.h"

namespace divan::server {
namespace {

std::string write(HandlerHost& host, const std::string& json, bool new_edits = true) {
    std::vector<storage::Edit> edits;
    auto document = storage::parse_client_document(json).value();
    edits.push_back(storage::make_edit(std::move(document), new_edits).value());
    return to_string(host.database().writer().write(std::move(edits)).value().front().value());
}

Reply get(HandlerHost& host, std::string query) {
    HandlerHost::Sent sent;
    sent.method = "GET";
    sent.target = "/db/_changes" + query;
    sent.headers = {};
    return host.call(get_changes, std::move(sent));
}

Reply post(HandlerHost& host, std::string query, std::string body) {
    return host.post(post_changes, std::move(body), "/db/_changes" + query);
}

/// "id id … / last sequence / pending" of a plain answer.
std::string summary(const Reply& reply) {
    const auto answer = parse_json(reply.body).value();
    std::string text;
    const auto* results = answer.find("results");
    if (results == nullptr) return reply.body;
    for (const auto& row : results->items()) text += row.find("id")->string() + " ";
    const auto last = answer.find("last_seq")->string();
    return text + "/ " + last.substr(0, last.find('-')) + " / " + answer.find("pending")->dump();
}

struct Docs {
    HandlerHost host;
    std::string b_rev;
    Docs() {
        write(host, R"({"_id":"a","n":1})");
        b_rev = write(host, R"({"_id":"b","n":2})");
        write(host, R"({"_id":"c","n":3})");
        write(host, R"({"_id":"_design/d"})");
        write(host, fmt::format(R"({{"_id":"b","_rev":"{}","_deleted":true}})", b_rev));
    }
};

}  // namespace

TEST_CASE("the plain feed is laid out as CouchDB lays it out") {
    HandlerHost host;
    const auto token = host.database().sequence_text(Sequence{0}).substr(1);
    CHECK(get(host, "").body ==
          fmt::format("{{\"results\":[\n\n],\n\"last_seq\":\"0{}\",\"pending\":0}}\n", token));
    const auto rev = write(host, R"({"_id":"a"})");
    write(host, R"({"_id":"b","_deleted":true})");
    const auto reply = get(host, "?include_docs=true&limit=1");
    CHECK(reply.content_type == "application/json");
    CHECK(reply.body ==
          fmt::format("{{\"results\":[\n"
                      R"({{"seq":"1{0}","id":"a","changes":[{{"rev":"{1}"}}],)"
                      R"("doc":{{"_id":"a","_rev":"{1}"}}}})"
                      "\n],\n\"last_seq\":\"1{0}\",\"pending\":1}}\n",
                      token, rev));
    CHECK(get(host, "").body.find("}]},\r\n{\"seq\"") != std::string::npos);
    CHECK(get(host, "").body.find("}],\"deleted\":true}\n]") != std::string::npos);
}

TEST_CASE("where a feed starts and ends, and what is pending") {
    Docs docs;
    struct Row {
        const char* query;
        const char* summary;
    };
    const Row rows[] = {
        {"", "a c _design/d b / 5 / 0"},
        {"?since=3TOKEN", "_design/d b / 5 / 0"},
        {"?since=now", "/ 5 / 0"},
        {"?since=3", "a c _design/d b / 5 / 0"},
        {"?since=99TOKEN", "a c _design/d b / 5 / 0"},
        {"?since=3-anotherdatabase0", "a c _design/d b / 5 / 0"},
        {"?last-event-id=4TOKEN", "b / 5 / 0"},
        {"?limit=2", "a c / 3 / 2"},
        {"?limit=0", "/ 0 / 4"},
        {"?limit=4", "a c _design/d b / 5 / 0"},
        {"?descending=true", "b _design/d c a / 1 / 0"},
        {"?descending=true&limit=1&since=", "b / 5 / 3"},
        {"?descending=true&limit=0", "/ 5 / 4"},
        {"?DESCENDING=true&Limit=1", "b / 5 / 3"},
        {"?descending=maybe&limit=1", "a / 1 / 3"},
        {"?filter=_design", "_design/d / 5 / 3"},
        {"?filter=_design&descending=true", "_design/d / 4 / 3"},
        {R"(?filter=_doc_ids&doc_ids=["b","x","a","a"])", "a a b / 5 / 1"},
        {R"(?filter=_doc_ids&doc_ids=["b","a"]&limit=1)", "a / 1 / 3"},
        {R"(?filter=_doc_ids&doc_ids=["c","a"]&limit=2)", "a c / 3 / 2"},
        {R"(?filter=_doc_ids&doc_ids=["c","a"]&limit=3)", "a c / 5 / 2"},
        {R"(?filter=_doc_ids&doc_ids=["x"]&limit=0)", "/ 0 / 4"},
        {"?filter=_design&limit=1", "_design/d / 4 / 3"},
        {R"(?filter=_doc_ids&doc_ids=["b","a"]&since=1TOKEN)", "b / 5 / 2"},
        {R"(?filter=_doc_ids&doc_ids=["b","a"]&descending=true)", "b a / 1 / 2"},
        {R"(?doc_ids=["b"])", "a c _design/d b / 5 / 0"},
        {"?filter=", "a c _design/d b / 5 / 0"},
        {"?filter=/", "a c _design/d b / 5 / 0"},
        {"?feed=longpoll", "a c _design/d b / 5 / 0"},
        {"?feed=longpoll&limit=1", "a / 1 / 3"},
        {"?feed=longpoll&since=now&timeout=0", "/ 5 / 0"},
        {"?feed=longpoll&since=now&timeout=20", "/ 5 / 0"},
        {"?feed=longpoll&descending=true&limit=1", "b / 5 / 3"},
    };
    const auto token = docs.host.database().sequence_text(Sequence{0}).substr(1);
    for (const auto& row : rows) {
        CAPTURE(row.query);
        std::string query = row.query;
        if (const auto at = query.find("TOKEN"); at != std::string::npos) {
            query.replace(at, 5, token);
        }
        CHECK(summary(get(docs.host, query)) == row.summary);
    }
}

TEST_CASE("a selector judges whole documents") {
    Docs docs;
    const auto asked = [&](std::string query, std::string body) {
        return summary(post(docs.host, "?filter=_selector" + query, std::move(body)));
    };
    CHECK(asked("", R"({"selector":{"n":{"$gt":1}}})") == "c / 5 / 0");
    CHECK(asked("", R"({"selector":{"_deleted":true}})") == "b / 5 / 0");
    CHECK(asked("", R"({"selector":{}})") == "a c _design/d b / 5 / 0");
    CHECK(asked("&limit=1", R"({"selector":{"n":{"$gt":0}}})") == "a / 1 / 3");
    CHECK(asked("&limit=2", R"({"selector":{"n":{"$gt":0}}})") == "a c / 4 / 2");
    const auto reply = post(docs.host, "?filter=_selector&include_docs=true",
                            R"({"selector":{"n":3},"fields":["n","_id"]})");
    CHECK(reply.body.find(R"("doc":{"n":3,"_id":"c"}})") != std::string::npos);
}

TEST_CASE("a style shows the winner or every leaf, and each is filtered by itself") {
    HandlerHost host;
    for (const char* leaf :
         {"1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "1-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}) {
        const bool keep = leaf[2] == 'a';
        write(host, fmt::format(R"({{"_id":"x","_rev":"{}","keep":{}}})", leaf, keep), false);
    }
    const auto selector = R"({"selector":{"keep":true}})";
    CHECK(get(host, "").body.find(R"("changes":[{"rev":"1-bbbb)") != std::string::npos);
    CHECK(get(host, "?style=all_docs").body.find(R"(bbbb"},{"rev":"1-aaaa)") != std::string::npos);
    CHECK(summary(post(host, "?filter=_selector", selector)) == "/ 2 / 0");
    CHECK(post(host, "?filter=_selector&style=all_docs", selector)
              .body.find(R"("changes":[{"rev":"1-aaaa)") != std::string::npos);
    CHECK(get(host, "?include_docs=true&conflicts=true")
              .body.find(R"("_conflicts":["1-aaaa)") != std::string::npos);
    CHECK(summary(post(host, "?filter=_selector&conflicts=true",
                       R"({"selector":{"_conflicts":{"$size":1}}})")) == "x / 2 / 0");
}

TEST_CASE("seq_interval leaves sequences out as CouchDB does") {
    Docs docs;
    const auto nulls = [&](std::string query) {
        std::string seen;
        const auto answer = parse_json(get(docs.host, query).body).value();
        for (const auto& row : answer.find("results")->items()) {
            seen.push_back(row.find("seq")->is_null() ? '.' : 'S');
        }
        return seen;
    };
    CHECK(nulls("?seq_interval=3") == ".S..");
    CHECK(nulls("?seq_interval=1") == "SSSS");
    CHECK(nulls("?seq_interval=100") == "S...");
    CHECK(nulls("?seq_interval=2&limit=3") == ".S.");
}

TEST_CASE("what a feed refuses") {
    Docs docs;
    struct Row {
        const char* query;
        int status;
        const char* reason;
    };
    const Row rows[] = {
        {"?feed=nonsense", 400,
         "Supported `feed` types: normal, continuous, live, longpoll, eventsource"},
        {"?heartbeat=0", 400,
         "The heartbeat value should be a positive integer (in milliseconds)."},
        {"?heartbeat=abc", 400,
         "Invalid heartbeat value. Expecting a positive integer value (in milliseconds)."},
        {"?timeout=x", 400, "The timeout parameter should be a non-negative integer"},
        {"?limit=x", 400, "The limit parameter should be a non-negative integer"},
        {"?since=1-abc", 400, "Malformed sequence supplied in 'since' parameter."},
        {"?seq_interval=0", 400, "invalid_seq_interval"},
        {"?since=", 400, "Malformed sequence supplied in 'since' parameter."},
        {"?filter=_nope", 400, "unknown builtin filter name"},
        {"?filter=a/b/c", 400, "`filter` must be of the form `designname/filtername`"},
        {"?filter=none/f", 404, "missing"},
        {"?filter=d/f", 404, "missing json key: filters"},
        {"?filter=_view", 400, "`view` filter parameter is not provided."},
        {"?filter=_doc_ids", 400, "`doc_ids` filter parameter is not a list of doc ids."},
        {"?filter=_doc_ids&doc_ids=x", 400, "invalid UTF-8 JSON"},
        {"?filter=_selector", 400, "Selector must be specified in POST payload"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.query);
        const auto reply = get(docs.host, row.query);
        CHECK(reply.status == row.status);
        CHECK(reply.body.find(fmt::format("\"reason\":\"{}\"", row.reason)) != std::string::npos);
    }
    const auto refused = post(docs.host, "?filter=_selector", R"({"selector":{"n":{"$nope":1}}})");
    CHECK(refused.body == "{\"error\":\"bad_request\",\"reason\":\"Invalid operator: $nope\"}\n");
}

TEST_CASE("a limit or a time below 0 is none") {
    Docs docs;
    const auto all = get(docs.host, "").body;
    CHECK(get(docs.host, "?limit=-1").body == all);
    CHECK(get(docs.host, "?timeout=-1").body == all);
    CHECK(get(docs.host, "?feed=longpoll&since=now&timeout=-1").status == 200);
}

TEST_CASE("doc_ids that are asked for twice are told twice") {
    Docs docs;
    const auto once = get(docs.host, "?filter=_doc_ids&doc_ids=[\"a\"]").body;
    const auto twice = get(docs.host, "?filter=_doc_ids&doc_ids=[\"a\",\"b\",\"a\"]").body;
    const auto count = [](const std::string& text) {
        return parse_json(text).value().find("results")->items().size();
    };
    CHECK(count(once) == 1);
    CHECK(count(twice) == 3);
}

TEST_CASE("continuous and event stream frames") {
    HandlerHost host;
    const auto token = host.database().sequence_text(Sequence{0}).substr(1);
    const auto rev = write(host, R"({"_id":"a"})");
    const auto row =
        fmt::format(R"({{"seq":"1{}","id":"a","changes":[{{"rev":"{}"}}]}})", token, rev);
    CHECK(get(host, "?feed=continuous&timeout=10").body ==
          row + fmt::format("\n{{\"last_seq\":\"1{}\",\"pending\":0}}\n", token));
    const auto events = get(host, "?feed=eventsource&limit=1");
    CHECK(events.content_type == "text/event-stream");
    CHECK(events.body == fmt::format("data: {}\nid: \"1{}\"\n\n", row, token));
    CHECK(get(host, "?feed=live&limit=0&since=now").body ==
          fmt::format("{{\"last_seq\":\"1{}\",\"pending\":0}}\n", token));
}

TEST_CASE("a waiting feed tells what is written meanwhile, and shows that it lives") {
    HandlerHost host;
    write(host, R"({"_id":"before"})");
    for (const std::string feed : {"longpoll", "continuous", "eventsource"}) {
        CAPTURE(feed);
        const std::string beat = feed == "eventsource" ? "event: heartbeat\ndata: \n\n" : "\n\n";
        std::atomic<bool> beaten = false;
        host.on_piece = [&](const std::string& body) {
            if (body.find(beat) != std::string::npos) beaten = true;
        };
        std::thread writer([&] {
            while (!beaten) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            write(host, fmt::format(R"({{"_id":"{}"}})", feed));
        });
        const auto reply = get(host, "?since=now&limit=1&heartbeat=20&feed=" + feed);
        writer.join();
        CHECK(reply.body.find(fmt::format("\"id\":\"{}\"", feed)) != std::string::npos);
        CHECK(beaten);
    }
    CHECK(host.database().bell().listeners() == 0);
}

TEST_CASE("a waiting feed goes on waiting after changes that its filter drops") {
    HandlerHost host;
    std::thread writer([&] {
        for (const char* id : {"no", "nor this", "yes"}) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            write(host, fmt::format(R"({{"_id":"{}"}})", id));
        }
    });
    const auto reply = post(host, "?feed=longpoll&filter=_doc_ids", R"({"doc_ids":["yes"]})");
    writer.join();
    CHECK(summary(reply).starts_with("yes / 3 / "));
}

TEST_CASE("a feed of many pieces is whole") {
    HandlerHost host;
    for (int i = 0; i < 3000; ++i) write(host, fmt::format(R"({{"_id":"doc{:05}","n":{}}})", i, i));
    const auto reply = get(host, "?include_docs=true");
    const auto answer = parse_json(reply.body).value();
    const auto rows = answer.find("results")->items();
    REQUIRE(rows.size() == 3000);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CHECK(rows[i].find("doc")->find("n")->integer() == static_cast<std::int64_t>(i));
    }
    CHECK(summary(post(host, "?filter=_selector", R"({"selector":{"n":2999}})")) ==
          "doc02999 / 3000 / 0");
}

}  // namespace divan::server
