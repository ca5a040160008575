#include "server/handlers/queries/all_docs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "storage/database/local_docs.h"
#include "test/server/handlers/handler_host.h"

namespace divan::server {
namespace {

const std::string no_body_rev = "1-967a00dff5e02add41819138abb3284d";

std::string write(HandlerHost& host, const std::string& json) {
    std::vector<storage::Edit> edits;
    auto document = storage::parse_client_document(json).value();
    edits.push_back(storage::make_edit(std::move(document), true).value());
    return to_string(host.database().writer().write(std::move(edits)).value().front().value());
}

Reply get(HandlerHost& host, Handler handler, std::string query) {
    HandlerHost::Sent sent;
    sent.method = "GET";
    sent.target = "/db/_x" + query;
    return host.call(handler, std::move(sent));
}

/// The ids of the rows.
std::vector<std::string> ids(const Reply& reply) {
    std::vector<std::string> found;
    const auto answer = parse_json(reply.body).value();
    for (const auto& row : answer.find("rows")->items()) {
        found.push_back(row.find("key")->is_string() ? row.find("key")->string() : "?");
    }
    return found;
}

std::string total_and_offset(const Reply& reply) {
    const auto answer = parse_json(reply.body).value();
    return answer.find("total_rows")->dump() + " " + answer.find("offset")->dump();
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("_all_docs is laid out as CouchDB lays it out") {
    HandlerHost host;
    CHECK(get(host, get_all_docs, "").body ==
          "{\"total_rows\":0,\"offset\":0,\"rows\":[\r\n\r\n]}\n");
    write(host, R"({"_id":"a"})");
    write(host, R"({"_id":"\"q\""})");
    CHECK(get(host, get_all_docs, "").body ==
          fmt::format("{{\"total_rows\":2,\"offset\":0,\"rows\":[\r\n"
                      R"({{"id":"\"q\"","key":"\"q\"","value":{{"rev":"{0}"}}}})"
                      ",\r\n"
                      R"({{"id":"a","key":"a","value":{{"rev":"{0}"}}}})"
                      "\r\n]}}\n",
                      no_body_rev));
    CHECK(host.post(post_all_docs_queries, R"({"queries":[]})", "/db/_all_docs/queries").body ==
          "{\"results\":[\r\n]}\n");
}

TEST_CASE("ranges of _all_docs") {
    HandlerHost host;
    for (const char* id : {"a", "b", "c", "d", "e", "f", "g"}) {
        write(host, fmt::format(R"({{"_id":"{}"}})", id));
    }
    struct Row {
        const char* query;
        Ids ids;
        const char* total_and_offset;
    };
    const Row rows[] = {
        {R"(?startkey="c"&endkey="e")", {"c", "d", "e"}, "7 2"},
        {R"(?start_key="c"&end_key="e"&inclusive_end=false)", {"c", "d"}, "7 2"},
        {R"(?startkey="e"&endkey="c")", {}, "7 4"},
        {R"(?startkey="e"&endkey="c"&descending=true)", {"e", "d", "c"}, "7 2"},
        {R"(?descending=TRUE&startkey="bb")", {"b", "a"}, "7 5"},
        {R"(?startkey="c"&key="d")", {"d"}, "7 3"},
        {R"(?key="d"&endkey="f")", {"d", "e", "f"}, "7 3"},
        {R"(?startkey="x")", {}, "7 7"},
        {"?limit=2&skip=1", {"b", "c"}, "7 1"},
        {"?skip=100", {}, "7 7"},
        {"?limit=0", {}, "7 0"},
        {"?startkey=null&limit=1", {"a"}, "7 0"},
        {"?endkey={}", {}, "7 0"},
        {"?key=1", {}, "7 0"},
        {"?key=1&descending=true", {}, "7 7"},
        {"?endkey=5&descending=true&limit=1", {"g"}, "7 0"},
        {R"(?keys=["c","x","a"])", {"c", "x", "a"}, "7 null"},
        {R"(?keys=["c","x","a",3]&descending=true&skip=1&limit=2)", {"a", "x"}, "7 null"},
        {"?keys=[]", {}, "7 null"},
        {R"(?keys=["c"]&key="c")", {"c"}, "7 null"},
        {R"(?startkey="e"&end_key_doc_id=a)", {}, "7 4"},
        {"?startkey_docid=c&endkey_docid=d", {"c", "d"}, "7 2"},
        {R"(?LIMIT=1&wibble&startkey="a"&startkey_docid=z&sorted=false&stale=ok&update=lazy)"
         R"(&endkey="a")",
         {"a"},
         "7 0"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.query);
        const auto reply = get(host, get_all_docs, row.query);
        CHECK(reply.status == 200);
        CHECK(ids(reply) == row.ids);
        CHECK(total_and_offset(reply) == row.total_and_offset);
    }
}

TEST_CASE("values that _all_docs refuses") {
    HandlerHost host;
    struct Row {
        const char* query;
        const char* reason;
    };
    const Row rows[] = {
        {"?limit=x", R"(Invalid value for integer: \"x\")"},
        {"?limit=-1", R"(Invalid value for positive integer: \"-1\")"},
        {"?skip=1.5", R"(Invalid value for integer: \"1.5\")"},
        {"?limit=", "Invalid value for integer: []"},
        {"?descending=yes", R"(Invalid boolean parameter: \"yes\")"},
        {"?startkey=%7B", "invalid UTF-8 JSON"},
        {"?keys=%7B%7D", "`keys` parameter must be an array."},
        {"?stale=x", "Invalid value for `stale`."},
        {"?stable=TRUE", "Invalid value for `stable`."},
        {"?update=x", "Invalid value for `update`."},
        {"?reduce=true", "Reduce is invalid for map-only views."},
        {"?group_level=1", "Invalid use of grouping on a map view."},
        {"?group=true", "Invalid use of grouping on a map view."},
        {"?limit=576460752303423488", "Limit is too large, must not exceed 576460752303423487"},
        {R"(?keys=["a","b"]&key="a")",
         "`keys` is incompatible with `key`, `start_key` and `end_key`"},
        {"?partition=x", "`partition` parameter is not supported on this db"},
        {"?partition=_x", "Partition must not start with an underscore"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.query);
        const auto reply = get(host, get_all_docs, row.query);
        CHECK(reply.status == 400);
        CHECK(reply.body.find(fmt::format("\"reason\":\"{}\"", row.reason)) != std::string::npos);
    }
}

TEST_CASE("a body's parameters count, and the query's count more") {
    HandlerHost host;
    for (const char* id : {"a", "b", "c"}) write(host, fmt::format(R"({{"_id":"{}"}})", id));
    const auto post = [&](const char* body, const char* query = "") {
        return host.post(post_all_docs, body, std::string("/db/_all_docs") + query);
    };
    CHECK(ids(post(R"({"limit":2,"descending":true})")) == Ids{"c", "b"});
    CHECK(ids(post(R"({"limit":3})", "?limit=1")) == Ids{"a"});
    CHECK(ids(post(R"({"keys":["b"]})")) == Ids{"b"});
    CHECK(ids(post(R"({"keys":["c","b"]})", R"(?keys=["a","b"])")) == Ids{"a", "b"});
    for (const char* bad : {R"({"limit":"2"})", R"({"limit":-2})", R"({"keys":"a"})", "[1]",
                            R"({"keys":["a","b"],"key":"a"})", R"({"descending":5})"}) {
        CAPTURE(bad);
        CHECK(post(bad).status == 400);
    }
}

TEST_CASE("keys show deleted documents, and documents are shown where asked for") {
    HandlerHost host;
    const auto rev = write(host, R"({"_id":"a","v":1})");
    const auto gone = write(host, R"({"_id":"b"})");
    const auto tombstone =
        write(host, fmt::format(R"({{"_id":"b","_rev":"{}","_deleted":true}})", gone));
    const auto reply = get(host, get_all_docs, R"(?include_docs=true&keys=["a","b","x"])");
    CHECK(reply.body ==
          fmt::format("{{\"total_rows\":1,\"offset\":null,\"rows\":[\r\n"
                      R"({{"id":"a","key":"a","value":{{"rev":"{0}"}},)"
                      R"("doc":{{"_id":"a","_rev":"{0}","v":1}}}})"
                      ",\r\n"
                      R"({{"id":"b","key":"b","value":{{"rev":"{1}","deleted":true}},"doc":null}})"
                      ",\r\n"
                      R"({{"key":"x","error":"not_found"}})"
                      "\r\n]}}\n",
                      rev, tombstone));
}

TEST_CASE("_design_docs and _local_docs list their kind only") {
    HandlerHost host;
    write(host, R"({"_id":"a"})");
    write(host, R"({"_id":"_design/one"})");
    write(host, R"({"_id":"_design/two"})");
    storage::LocalDocs(host.database()).put("one", R"({"v":1})", 0);
    storage::LocalDocs(host.database()).put("two", "{}", 4);

    const auto designs = get(host, get_design_docs, R"(?keys=["_design/two","a","_design/no"])");
    CHECK(ids(designs) == Ids{"_design/two", "_design/no"});
    CHECK(total_and_offset(designs) == "2 null");
    // As in CouchDB the offset counts other documents on the way too, up to the total.
    CHECK(total_and_offset(get(host, get_design_docs, "")) == "2 0");
    CHECK(total_and_offset(get(host, get_design_docs, "?descending=true")) == "2 1");
    CHECK(total_and_offset(get(host, get_design_docs, "?descending=true&skip=1")) == "2 2");

    CHECK(get(host, get_local_docs, "?include_docs=true&limit=1").body ==
          "{\"total_rows\":null,\"offset\":null,\"rows\":[\r\n"
          R"({"id":"_local/one","key":"_local/one","value":{"rev":"0-1"},)"
          R"("doc":{"_id":"_local/one","_rev":"0-1","v":1}})"
          "\r\n]}\n");
    CHECK(ids(get(host, get_local_docs, R"(?startkey="_local/p")")) == Ids{"_local/two"});
    CHECK(ids(get(host, get_local_docs, R"(?startkey="a")")).empty());
    CHECK(ids(get(host, get_local_docs, R"(?startkey="a"&descending=true)")).size() == 2);
    CHECK(ids(get(host, get_local_docs, R"(?endkey="A")")).empty());
    CHECK(ids(get(host, get_local_docs, R"(?key="_local/two")")) == Ids{"_local/two"});
}

TEST_CASE("an answer of many pieces is whole") {
    HandlerHost host;
    for (int i = 0; i < 3000; ++i) write(host, fmt::format(R"({{"_id":"doc{:05}"}})", i));
    const auto reply = get(host, get_all_docs, "?include_docs=true&descending=true");
    const auto found = ids(reply);
    REQUIRE(found.size() == 3000);
    CHECK(found.front() == "doc02999");
    CHECK(found.back() == "doc00000");
    CHECK(std::is_sorted(found.rbegin(), found.rend()));
}

TEST_CASE("a partition's documents are those of its range") {
    HandlerHost host(true);
    for (const char* id : {"p:a", "p:b", "q:a", "pp:a"}) {
        write(host, fmt::format(R"({{"_id":"{}"}})", id));
    }
    CHECK(ids(get(host, get_all_docs, "?partition=p")) == Ids{"p:a", "p:b"});
    CHECK(ids(get(host, get_all_docs, "?partition=p&descending=true")) == Ids{"p:b", "p:a"});
    CHECK(ids(get(host, get_all_docs, R"(?partition=p&startkey="p:b"&endkey="z")")) == Ids{"p:b"});
}

}  // namespace divan::server
