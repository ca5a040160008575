#include "replication/options.h"

#include <doctest/doctest.h>

namespace divan::replication {
namespace {

const LocalNames here{"http://127.0.0.1:5984/", "Basic YWRtaW46c2VjcmV0", ""};

Result<Replication> parse(std::string_view body, const LocalNames* local = &here) {
    return parse_replication(parse_json(body).value(), Rules(), local);
}

Replication ends(std::string_view source) {
    return parse(R"({"source":)" + std::string(source) + R"(,"target":"http://b"})", nullptr)
        .value();
}

}  // namespace

TEST_CASE("replications: addresses lose their credentials and get a slash") {
    const auto plain = ends(R"("http://host/db")").source;
    CHECK(plain.url == "http://host/db/");
    CHECK_FALSE(plain.credentials);
    CHECK(plain.local_database.empty());

    const auto with_user = ends(R"("https://ad%40m:pa%3Ass@host:80/db?a=b&c=d")").source;
    CHECK(with_user.url == "https://host:80/db?a=b&c=d");
    REQUIRE(with_user.credentials);
    CHECK(with_user.credentials->name == "ad@m");
    CHECK(with_user.credentials->password == "pa:ss");
    CHECK(with_user.credentials->name_as_written == "ad%40m");
    CHECK_FALSE(ends(R"("http://only@host/db")").source.credentials);
}

TEST_CASE("replications: the auth object wins over the address, and that over the header") {
    const auto of = [](std::string_view url, std::string_view rest) {
        return ends(R"({"url":")" + std::string(url) + "\"" + std::string(rest) + "}").source;
    };
    constexpr auto header = R"(,"headers":{"Authorization":"Basic dXNlcjI6cGFzczI=","x":"y"})";
    constexpr auto both = R"(,"headers":{"Authorization":"Basic dXNlcjI6cGFzczI="},)"
                          R"("auth":{"basic":{"username":"user3","password":"p3"}})";
    CHECK(of("http://u1:p1@host", both).credentials->name == "user3");
    CHECK(of("http://u1:p1@host", header).credentials->name == "u1");
    CHECK(of("http://host", header).credentials->name == "user2");
    CHECK(of("http://host", header).headers == Headers{{"x", "y"}});
    const auto bad = of("http://host", R"(,"headers":{"Authorization":"Basic bad"})");
    CHECK_FALSE(bad.credentials);
    CHECK(bad.headers.empty());
    const auto bearer = of("http://host", R"(,"headers":{"Authorization":"Bearer t"})");
    CHECK(bearer.headers == Headers{{"Authorization", "Bearer t"}});
}

TEST_CASE("replications: names are databases here, for requests alone") {
    const auto local = parse(R"({"source":"a b/c","target":{"url":"t"}})").value();
    CHECK(local.source.local_database == "a b/c");
    CHECK(local.source.url == "http://127.0.0.1:5984/a+b%2Fc/");
    CHECK(local.source.credentials->name == "admin");
    CHECK(local.source.headers == Headers{{"cookie", ""}});
    CHECK(local.target.local_database == "t");

    CHECK(parse(R"({"source":"a","target":"http://b"})", nullptr).error() ==
          Error{Code::internal_error, "local_endpoints_not_supported", "error"});
}

TEST_CASE("replications: what is refused, and how") {
    const auto refusal = [](std::string_view body) { return parse(body).error(); };
    const auto with = [&](std::string_view more) {
        return refusal(R"({"source":"a","target":"b",)" + std::string(more) + "}").reason;
    };
    CHECK(refusal("{}") == Error{Code::internal_error, "Missing replicator database", "error"});
    CHECK(refusal(R"({"source":{},"target":"b"})") ==
          Error{Code::bad_request, "endpoint has an invalid url", "invalid_replication"});
    for (const char* url : {"http://", "https://", "http://a:b:c", "http://adm:pass/bad"}) {
        CAPTURE(url);
        CHECK(refusal(R"({"source":")" + std::string(url) + R"(","target":"b"})").name ==
              "invalid_replication");
    }
    CHECK(with(R"("continuous":"yes")") == "parameter `continuous` must be a boolean");
    CHECK(with(R"("create_target_params":"x")") ==
          "parameter `create_target_params` must be a JSON object");
    CHECK(with(R"("doc_ids":{})") == "parameter `doc_ids` must be an array");
    CHECK(with(R"("selector":[])") == "parameter `selector` must be a JSON object");
    CHECK(with(R"("query_params":[])") == "parameter `query_params` must be an object");
    CHECK(with(R"("use_bulk_get":"no")") == "parameter `use_bulk_get` must be a boolean");
    CHECK(with(R"("doc_ids":["a"],"selector":{})") ==
          "`doc_ids`,`filter`,`selector` are mutually exclusive");
    CHECK(with(R"("filter":"nothing")") ==
          "Invalid filter. Must match `ddocname/filtername`.");
    CHECK(with(R"("filter":"_view")") == "Invalid `view` parameter.");
    CHECK(with(R"("worker_processes":"x")") == "parameter `worker_processes` must be an integer");
    CHECK(with(R"("proxy":"http://p","source_proxy":"http://q")") ==
          "`proxy` is mutually exclusive with `source_proxy`");
    CHECK(refusal(R"({"source":{"url":"http://a","headers":{"X":"a\r\nY: b"}},"target":"b"})")
              .code == Code::bad_request);
}

TEST_CASE("replications: options") {
    const auto all = parse(R"({"source":"a","target":"b","continuous":true,"create_target":true,
        "create_target_params":{"q":2,"partitioned":true},"doc_ids":["c%2Fd","a","a","f g"],
        "winning_revs_only":true,"since_seq":"7-x","use_checkpoints":false,"use_bulk_get":false,
        "worker_processes":"2","worker_batch_size":9999999,"http_connections":0,
        "connection_timeout":10000,"retries_per_request":7,"checkpoint_interval":5000,
        "socket_options":"[{keepalive, false}, {potato, true}, {sndbuf, 10000}]",
        "user_ctx":{"name":"joe","roles":["r"]},"source_proxy":"http://u:p@x:8080"})")
                         .value();
    CHECK(all.continuous);
    CHECK(all.create_target);
    CHECK(all.create_target_params ==
          std::vector<std::pair<std::string, std::string>>{{"q", "2"}, {"partitioned", "true"}});
    CHECK(all.doc_ids == std::vector<std::string>{"a", "c/d", "f g"});
    CHECK(all.winning_revs_only);
    CHECK(all.since_seq->string() == "7-x");
    CHECK_FALSE(all.tuning.use_checkpoints);
    CHECK_FALSE(all.tuning.use_bulk_get);
    CHECK(all.tuning.worker_processes == 2);
    CHECK(all.tuning.worker_batch_size == 10'000);
    CHECK(all.tuning.http_connections == 1);
    CHECK(all.tuning.connection_timeout == std::chrono::seconds(10));
    CHECK(all.tuning.retries == 7);
    CHECK(all.tuning.checkpoint_interval == std::chrono::seconds(5));
    CHECK(all.tuning.sockets ==
          SocketOptions{.keepalive = false, .nodelay = false, .send_buffer = 10000});
    CHECK(all.user.name == "joe");
    CHECK(all.user.roles == std::vector<std::string>{"r"});
    CHECK(all.source.proxy.empty());  // Of no use for a database that is here.
}

TEST_CASE("replications: proxies") {
    const auto of = [](std::string_view more) {
        return parse(R"({"source":"http://a","target":"http://b",)" + std::string(more) + "}");
    };
    const auto one = of(R"("source_proxy":"socks5://u:p@x")").value();
    CHECK(one.source.proxy == "socks5://u:p@x");
    CHECK(one.target.proxy.empty());
    CHECK(of(R"("proxy":"http://x:8080")").value().target.proxy == "http://x:8080");
    CHECK(of(R"("proxy":"ftp://x")").error().reason == "proxy has an invalid url");
}

TEST_CASE("replications: to cancel one, its id is enough") {
    const auto named = parse(R"({"_local_id":"abc continuous","cancel":true})").value();
    CHECK(named.cancel);
    CHECK(named.cancel_id == "abc+continuous");
    CHECK(parse(R"({"cancel":true})").error().reason == "Missing replicator database");
}

TEST_CASE("replications: addresses that may be shown") {
    const auto shown = [](std::string_view json) {
        const auto value = parse_json(json).value();
        return shown_address(&value).value_or("(null)");
    };
    CHECK(shown(R"("localdb")") == "localdb");
    CHECK(shown(R"("http://adm:pass@host:80/db")") == "http://host:80/db/");
    CHECK(shown(R"({"url":"http://adm:pass@host/db"})") == "http://host/db/");
    for (const char* bad : {R"({"url":"http://adm:pass/bad"})", "{}", "42", "null",
                            R"("http://a:b:c")", R"(["a"])"}) {
        CAPTURE(bad);
        CHECK(shown(bad) == "(null)");
    }
}

}  // namespace divan::replication
