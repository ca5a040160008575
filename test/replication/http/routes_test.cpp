#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "replication/http/client.h"
#include "server/http/tls.h"
#include "storage/base/async/connect.h"
#include "test/replication/http/loop_run.h"
#include "test/replication/http/scripted_server.h"
#include "test/server/http/http_fixture.h"
#include "test/support/certificate.h"
#include "test/support/standard_error.h"
#include "test/support/temp_folder.h"

namespace divan::replication {
namespace {

struct SecureServer {
    test::TempFolder folder;
    test::CertificateFiles files = test::make_certificate(folder.path(), "server");
    test::CertificateFiles client = test::make_certificate(folder.path(), "client", "pw");
    server::HttpFixture server;

    explicit SecureServer(bool wants_certificate = false)
        : server(server::echo, options(files, client, wants_certificate)) {}

    static server::HttpOptions options(const test::CertificateFiles& files,
                                       const test::CertificateFiles& client, bool verify) {
        server::TlsOptions tls;
        tls.cert_file = files.certificate;
        tls.key_file = files.key;
        tls.verify_clients = tls.require_client_certificate = verify;
        if (verify) tls.ca_file = client.certificate;
        server::HttpOptions options;
        options.tls = server::TlsPort{"127.0.0.1", 0, std::make_shared<server::TlsContext>(tls)};
        return options;
    }
};

std::string ask(HttpPeerSettings settings, const HttpClientSettings& common) {
    std::string text;
    settings.retries = 0;
    settings.silence_limit = std::chrono::minutes(2);
    run_on_loop(
        [&](LoopStage& stage) -> Task<void> {
            try {
                HttpClient client(settings, stage.clients);
                HttpRequest request;
                request.method = "PUT";
                request.path = "x";
                request.body = "body";
                for (int i = 0; i < 2; ++i) {  // the second one on the kept connection
                    const auto reply = co_await client.exchange(request, 1 << 20);
                    text = reply.body;
                }
            } catch (const PeerFailure& failure) {
                text = failure.error() + ": " + failure.reason();
            }
        },
        common);
    return text;
}

std::string ask(const std::string& url, const HttpClientSettings& common,
                const std::string& proxy = {}) {
    HttpPeerSettings settings;
    settings.url = url;
    settings.proxy = proxy;
    return ask(std::move(settings), common);
}

}  // namespace

TEST_CASE("HTTP client: TLS, verified against a file, by address and by name") {
    const SecureServer secure;
    HttpClientSettings common;
    const auto by_address = fmt::format("https://127.0.0.1:{}/db", secure.server.tls_port());
    const auto by_name = fmt::format("https://localhost:{}/db", secure.server.tls_port());
    CHECK(ask(by_address, common) == "PUT /db/x body");  // nothing is verified, as in CouchDB
    common.verify_certificates = true;
    common.trusted_file = secure.files.certificate;
    CHECK(ask(by_address, common) == "PUT /db/x body");
    CHECK(ask(by_name, common) == "PUT /db/x body");
    CHECK(ask(fmt::format("https://127.0.0.2:{}/db", secure.server.tls_port()), common)
              .find("PUT") == std::string::npos);
    common.trusted_file = secure.client.certificate;
    CHECK(ask(by_address, common).find("certificate verify failed") != std::string::npos);
    common.trusted_file.clear();
    CHECK(ask(by_address, common).find("certificate verify failed") != std::string::npos);
    common.trusted_file = "/nowhere.pem";
    CHECK(ask(by_address, common).starts_with("tls_settings"));
}

TEST_CASE("HTTP client: what is not verified can be logged") {
    const SecureServer secure;
    const auto url = fmt::format("https://localhost:{}/db", secure.server.tls_port());
    HttpClientSettings common;
    const auto logged = [&] {
        return test::standard_error_of([&] { CHECK(ask(url, common) == "PUT /db/x body"); });
    };
    CHECK(logged().find("security warning") == std::string::npos);
    common.log_certificates = true;
    common.trusted_file = secure.client.certificate;
    CHECK(logged().find("bad certificate of localhost: self") != std::string::npos);
    common.trusted_file = secure.files.certificate;
    CHECK(logged().find("security warning") == std::string::npos);
}

TEST_CASE("HTTP client: our own certificate, where the server wants one") {
    const SecureServer secure(true);
    const auto url = fmt::format("https://127.0.0.1:{}/db", secure.server.tls_port());
    HttpClientSettings common;
    CHECK(ask(url, common).find("PUT") == std::string::npos);
    common.cert_file = secure.client.certificate;
    common.key_file = secure.client.key;
    CHECK(ask(url, common).starts_with("tls_settings"));  // the key has a password
    common.key_password = "pw";
    CHECK(ask(url, common) == "PUT /db/x body");
}

TEST_CASE("HTTP client: a server that speaks no TLS, and a port where nobody listens") {
    ScriptedServer plain([](ScriptedServer::Connection& connection) {
        connection.bytes(1);
        connection.send("HTTP/1.1 400 Bad\r\n\r\n");
    });
    CHECK(ask(fmt::format("https://127.0.0.1:{}/db", plain.port()), {}).starts_with("tls: "));
    CHECK(ask("http://127.0.0.1:1/db", {}).starts_with("connection_failed: "));
    CHECK(ask("http://no-such-host.invalid/db", {}).starts_with("connection_failed: "));
}

TEST_CASE("HTTP client: an HTTP proxy is asked for whole addresses, and for tunnels") {
    const SecureServer secure;
    std::string seen;
    ScriptedServer proxy([&](ScriptedServer::Connection& connection) {
        const auto head = connection.request();
        seen = head;
        if (head.starts_with("CONNECT ")) {
            connection.send("HTTP/1.1 200 Established\r\nX: y\r\n\r\n");
            connection.relay(secure.server.tls_port());
            return;
        }
        connection.answer("200 OK", "from the proxy");
        connection.request();
        connection.answer("200 OK", "from the proxy again");
    });
    const auto address = fmt::format("http://u:p@127.0.0.1:{}", proxy.port());
    CHECK(ask("http://example.org:5984/db", {}, address) == "from the proxy again");
    CHECK(seen.starts_with("PUT http://example.org:5984/db/x HTTP/1.1\r\n"));
    CHECK(seen.find("Proxy-Authorization: Basic dTpw\r\n") != seen.npos);
    HttpClientSettings common;
    common.verify_certificates = true;
    common.trusted_file = secure.files.certificate;
    const auto target = fmt::format("https://localhost:{}/db", secure.server.tls_port());
    CHECK(ask(target, common, address) == "PUT /db/x body");
    CHECK(seen.starts_with(fmt::format("CONNECT localhost:{} HTTP/1.1\r\n",
                                       secure.server.tls_port())));
    CHECK(seen.find("Proxy-Authorization: Basic dTpw\r\n") != seen.npos);
}

TEST_CASE("HTTP client: a proxy that speaks TLS itself, with TLS to the server within") {
    const SecureServer secure;
    std::string seen;
    ScriptedServer proxy([&](ScriptedServer::Connection& connection) {
        if (!connection.begin_tls(secure.files.certificate, secure.files.key)) return;
        while (!(seen = connection.request()).empty()) {
            if (seen.starts_with("CONNECT ")) {
                connection.send("HTTP/1.1 200 Established\r\n\r\n");
                return connection.relay(secure.server.tls_port());
            }
            connection.answer("200 OK", "from the proxy");
        }
    });
    HttpClientSettings common;
    common.verify_certificates = true;
    common.trusted_file = secure.files.certificate;
    const auto by_name = fmt::format("https://u:p@localhost:{}", proxy.port());
    CHECK(ask("http://example.org/db", common, by_name) == "from the proxy");
    const auto target = fmt::format("https://127.0.0.1:{}/db", secure.server.tls_port());
    CHECK(ask(target, common, by_name) == "PUT /db/x body");
    // Much in both directions: records within records, and more than a socket takes at once.
    HttpPeerSettings settings;
    settings.url = target;
    settings.proxy = by_name;
    const std::string large(1'000'000, 'l');
    run_on_loop(
        [&](LoopStage& stage) -> Task<void> {
            HttpClient client(settings, stage.clients);
            HttpRequest request;
            request.method = "PUT";
            request.path = "x";
            request.body = large;
            const auto reply = co_await client.exchange(request, 4 << 20);
            const bool same = reply.body == "PUT /db/x " + large;
            CHECK(same);
        },
        common);
    // Both are verified.
    common.trusted_file = secure.client.certificate;
    CHECK(ask(target, common, by_name).find("certificate verify failed") != std::string::npos);
}

TEST_CASE("HTTP client: a proxy that refuses a tunnel, or says more than it should") {
    for (const char* answer : {"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n",
                               "HTTP/1.1 200 OK\r\n\r\nextra", "nonsense\r\n\r\n"}) {
        ScriptedServer proxy([&](ScriptedServer::Connection& connection) {
            connection.request();
            connection.send(answer);
        });
        const auto text = ask("https://example.org/db", {},
                              fmt::format("http://127.0.0.1:{}", proxy.port()));
        CAPTURE(text);
        CHECK((text.starts_with("proxy") || text.starts_with("malformed_answer")));
    }
}

TEST_CASE("HTTP client: a SOCKS 5 proxy, with and without a user") {
    const SecureServer secure;
    const auto target = fmt::format("https://localhost:{}/db", secure.server.tls_port());
    std::string name;
    ScriptedServer proxy([&](ScriptedServer::Connection& connection) {
        const auto greeting = connection.bytes(3);
        connection.send(std::string("\x05") + greeting[2]);
        if (greeting[2] == 2) {
            CHECK(connection.bytes(5) == std::string("\x01\x01u\x01p", 5));
            connection.send(std::string("\x01\x00", 2));
        }
        connection.bytes(4);
        name = connection.bytes(static_cast<std::size_t>(connection.bytes(1)[0]));
        connection.bytes(2);
        connection.send(std::string("\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50", 10));
        connection.relay(secure.server.tls_port());
    });
    CHECK(ask(target, {}, fmt::format("socks5://127.0.0.1:{}", proxy.port())) == "PUT /db/x body");
    CHECK(ask(target, {}, fmt::format("socks5://u:p@127.0.0.1:{}", proxy.port())) ==
          "PUT /db/x body");
    CHECK(name == "localhost");
    ScriptedServer refusing([](ScriptedServer::Connection& connection) {
        connection.bytes(3);
        connection.send("\x05\xff");
    });
    CHECK(ask(target, {}, fmt::format("socks5://127.0.0.1:{}", refusing.port()))
              .starts_with("proxy: "));
}

TEST_CASE("connect_to: entries as in CouchDB, others are passed by") {
    const auto entries = parse_connect_to(
        "a.example:443:127.0.0.1:8443, *.Example.org:80:[2001:db8::1]:81,bad,x:0:y:1,x:1:y,"
        "x:1:2001:db8::1:5,[::1]:1:y:2,:1:y:2,x:1::2,x:99999:y:2,");
    REQUIRE(entries.size() == 2);
    using Place = ConnectTo::Place;
    CHECK(find_override(entries, "A.example", 443) == Place{"127.0.0.1", 8443});
    CHECK(find_override(entries, "db.b.example.ORG", 80) == Place{"2001:db8::1", 81});
    CHECK_FALSE(find_override(entries, "a.example", 80));
    CHECK_FALSE(find_override(entries, "example.org", 80));
    CHECK_FALSE(find_override(entries, "b.a.example", 443));
}

TEST_CASE("HTTP client: connect_to leads elsewhere, and names and certificates stay") {
    std::string seen;
    ScriptedServer plain([&](ScriptedServer::Connection& connection) {
        for (std::string head; !(head = connection.request()).empty();) {
            seen = head;
            connection.answer("200 OK", "elsewhere");
        }
    });
    HttpPeerSettings settings;
    settings.url = "http://db.example.org:1234/db";
    settings.connect_to =
        parse_connect_to(fmt::format("*.example.org:1234:127.0.0.1:{}", plain.port()));
    CHECK(ask(settings, {}) == "elsewhere");
    CHECK(seen.find("Host: db.example.org:1234\r\n") != seen.npos);
    const SecureServer secure;
    HttpClientSettings common;
    common.verify_certificates = true;
    common.trusted_file = secure.files.certificate;
    settings.url = "https://localhost/db";
    const auto by_number = fmt::format("443:127.0.0.1:{}", secure.server.tls_port());
    settings.connect_to = parse_connect_to("localhost:" + by_number);
    CHECK(ask(settings, common) == "PUT /db/x body");
    settings.url = "https://db.example.org/db";  // not in the certificate
    settings.connect_to = parse_connect_to("db.example.org:" + by_number);
    CHECK(ask(settings, common).find("certificate verify failed") != std::string::npos);
}

TEST_CASE("HTTP client: socket options are set, and connections of others are not shared") {
    ScriptedServer plain([](ScriptedServer::Connection& connection) {
        while (!connection.request().empty()) connection.answer("200 OK", "x");
    });
    SocketOptions options{.keepalive = false, .nodelay = false, .priority = 3,
                          .send_buffer = 20'000, .receive_buffer = 30'000};
    run_on_loop([&](LoopStage& stage) -> Task<void> {
        Cancellation cancellation;
        const auto limit = std::chrono::minutes(2);
        const auto addresses =
            co_await resolve(stage.pool, "127.0.0.1", plain.port(), limit, cancellation);
        for (const auto& given : {options, SocketOptions{}}) {
            const int socket =
                co_await connect_tcp(stage.loop, addresses, given, limit, cancellation);
            const auto value = [socket](int level, int option) {
                int found = -1;
                socklen_t size = sizeof found;
                REQUIRE(::getsockopt(socket, level, option, &found, &size) == 0);
                return found;
            };
            CHECK((value(SOL_SOCKET, SO_KEEPALIVE) != 0) == given.keepalive);
            CHECK((value(IPPROTO_TCP, TCP_NODELAY) != 0) == given.nodelay);
            CHECK(value(SOL_SOCKET, SO_PRIORITY) == given.priority.value_or(0));
            // Linux tells twice what was asked for.
            if (given.send_buffer) CHECK(value(SOL_SOCKET, SO_SNDBUF) == 2 * *given.send_buffer);
            if (given.receive_buffer) {
                CHECK(value(SOL_SOCKET, SO_RCVBUF) == 2 * *given.receive_buffer);
            }
            ::close(socket);
        }
        HttpPeerSettings settings;
        settings.url = plain.url();
        HttpRequest request;
        for (int round = 0; round < 2; ++round) {
            for (const auto& given : {options, SocketOptions{}}) {
                settings.sockets = given;
                HttpClient client(settings, stage.clients);
                co_await client.exchange(request, 100);
            }
        }
        CHECK(plain.connections() == 4);
    });
}

}  // namespace divan::replication
