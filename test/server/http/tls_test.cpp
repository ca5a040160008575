#include "server/http/tls.h"

#include <doctest/doctest.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <stdexcept>
#include <thread>

#include "test/server/http/http_fixture.h"
#include "test/support/certificate.h"
#include "test/support/temp_folder.h"

namespace divan::server {
namespace {

using std::chrono::milliseconds;
using test::CertificateFiles;
using test::ClientTls;
using test::HttpClient;
using test::Reply;

struct Files {
    test::TempFolder folder;
    CertificateFiles server = test::make_certificate(folder.path(), "server");

    TlsOptions options() const {
        TlsOptions options;
        options.cert_file = server.certificate;
        options.key_file = server.key;
        return options;
    }
    ClientTls client() const { return {server.certificate, "", "", 0}; }
};

HttpOptions listening(std::shared_ptr<TlsContext> context) {
    HttpOptions options;
    options.tls = TlsPort{"127.0.0.1", 0, std::move(context)};
    return options;
}

HttpOptions listening(const TlsOptions& options) {
    return listening(std::make_shared<TlsContext>(options));
}

Task<Response> tell_secure(Request& request) {
    co_return text_response(request.secure ? "secure" : "plain");
}

std::string refusal_of(const TlsOptions& options) {
    try {
        const TlsContext context(options);
        return "accepted";
    } catch (const std::runtime_error& failure) {
        return failure.what();
    }
}

}  // namespace

TEST_CASE("TLS: both ports answer, and the request knows by which it came") {
    const Files files;
    HttpFixture server(tell_secure, listening(files.options()));
    HttpClient plain(server.port());
    HttpClient secure(server.tls_port(), files.client());
    CHECK(secure.tls_version() == "TLSv1.3");
    CHECK(plain.request("GET", "/").body == "plain");
    CHECK(secure.request("GET", "/").body == "secure");
    CHECK(secure.request("GET", "/").body == "secure");
}

TEST_CASE("TLS: bodies and answers of any size, in pieces of any size") {
    const Files files;
    HttpFixture server(echo, listening(files.options()));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        auto tls = files.client();
        tls.version_max = version;
        HttpClient client(server.tls_port(), tls);
        for (const std::size_t size : {0, 1, 16 * 1024 - 20, 16 * 1024, 64 * 1024, 1 << 20}) {
            CAPTURE(size);
            const std::string body(size, 'x');
            CHECK(client.request("PUT", "/p", body) == Reply{200, "PUT /p " + body, {}});
        }
        const std::string request = "PUT /q HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
        for (const char byte : request) client.send(std::string_view(&byte, 1));
        CHECK(client.receive().body == "PUT /q abc");
        std::string many;
        for (int i = 0; i < 2000; ++i) many += request;
        std::thread sender([&] { client.send(many); });
        for (int i = 0; i < 2000; ++i) REQUIRE(client.receive().body == "PUT /q abc");
        sender.join();
    }
}

TEST_CASE("TLS: a client that reads slowly gets everything") {
    const Files files;
    const std::string body(24 << 20, 'y');
    HttpFixture server(
        [&body](Request&) -> Task<Response> { co_return text_response(body); },
        listening(files.options()));
    HttpClient client(server.tls_port(), files.client());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    std::this_thread::sleep_for(milliseconds(50));  // until the socket takes no more
    CHECK(client.receive().body == body);
}

TEST_CASE("TLS: nothing older than 1.2, and nothing that is no TLS") {
    const Files files;
    HttpFixture server(echo, listening(files.options()));
    auto old = files.client();
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        old.version_max = version;
        CHECK_THROWS(HttpClient(server.tls_port(), old));
    }
    HttpClient plain(server.tls_port());
    plain.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK_THROWS(plain.receive());

    auto only_1_3 = files.options();
    only_1_3.tls_1_2 = false;
    HttpFixture strict(echo, listening(only_1_3));
    old.version_max = TLS1_2_VERSION;
    CHECK_THROWS(HttpClient(strict.tls_port(), old));
    CHECK(HttpClient(strict.tls_port(), files.client()).request("GET", "/").status == 200);
}

TEST_CASE("TLS: a client that does not finish the handshake is sent away") {
    const Files files;
    auto options = listening(files.options());
    options.head_limit = milliseconds(50);
    HttpFixture server(echo, options);
    HttpClient silent(server.tls_port());
    CHECK(silent.at_end());
    HttpClient slow(server.tls_port());
    slow.send(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
    CHECK(slow.at_end());
    server.stop();
    CHECK(server.metrics.open_connections == 0);
}

TEST_CASE("TLS: stopping ends handshakes and idle connections") {
    const Files files;
    HttpFixture server(echo, listening(files.options()));
    HttpClient silent(server.tls_port());
    HttpClient idle(server.tls_port(), files.client());
    CHECK(idle.request("GET", "/").status == 200);
    server.stop();
    CHECK(silent.at_end());
    CHECK_THROWS(idle.request("GET", "/"));
}

TEST_CASE("TLS: clients' certificates, where they are looked at") {
    const Files files;
    const auto friendly = test::make_certificate(files.folder.path(), "friend");
    const auto stranger = test::make_certificate(files.folder.path(), "stranger");
    auto options = files.options();
    options.verify_clients = true;
    options.require_client_certificate = true;
    options.ca_file = friendly.certificate;
    HttpFixture server(echo, listening(options));

    // TLS 1.3 tells a client with its first answer.
    const auto status = [&](const CertificateFiles* own) {
        auto tls = files.client();
        if (own != nullptr) tls.own_file = own->certificate;
        if (own != nullptr) tls.own_key_file = own->key;
        return HttpClient(server.tls_port(), tls).request("GET", "/").status;
    };
    CHECK(status(&friendly) == 200);
    CHECK_THROWS(status(&stranger));
    CHECK_THROWS(status(nullptr));
}

TEST_CASE("TLS: a new certificate is used from the reload on, a broken one is not") {
    const Files files;
    auto context = std::make_shared<TlsContext>(files.options());
    HttpFixture server(echo, listening(context));
    HttpClient before(server.tls_port(), files.client());

    const auto fresh = test::make_certificate(files.folder.path(), "fresh");
    std::filesystem::copy_file(fresh.certificate, files.server.certificate,
                               std::filesystem::copy_options::overwrite_existing);
    CHECK_THROWS_AS(context->reload(), std::runtime_error);  // the key is still the old one
    std::filesystem::copy_file(fresh.key, files.server.key,
                               std::filesystem::copy_options::overwrite_existing);
    context->reload();
    CHECK(HttpClient(server.tls_port(), ClientTls{fresh.certificate, "", "", 0})
              .request("GET", "/")
              .status == 200);
    CHECK(before.request("GET", "/").status == 200);
}

TEST_CASE("TLS: what cannot be used is said in one line") {
    const Files files;
    const auto other = test::make_certificate(files.folder.path(), "other");
    const auto locked = test::make_certificate(files.folder.path(), "locked", "open sesame");
    auto options = files.options();
    options.key_file = other.key;
    CHECK(refusal_of(options).find("key values mismatch") != std::string::npos);
    options.key_file = "/nowhere";
    CHECK(refusal_of(options).find("key_file /nowhere cannot be used") != std::string::npos);
    options.cert_file = "";
    CHECK(refusal_of(options) == "[ssl] cert_file is not set");
    options.cert_file = "/nowhere";
    CHECK(refusal_of(options).find("cert_file /nowhere cannot be read") != std::string::npos);

    options.cert_file = locked.certificate;
    options.key_file = locked.key;
    CHECK(refusal_of(options).find("cannot be used") != std::string::npos);
    options.password = "wrong";
    CHECK(refusal_of(options).find("cannot be used") != std::string::npos);
    options.password = "open sesame";
    CHECK(refusal_of(options) == "accepted");

    options.ciphers = "NO-SUCH-CIPHER";
    CHECK(refusal_of(options).find("ciphers") != std::string::npos);
    options.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256";
    CHECK(refusal_of(options) == "accepted");
    options.verify_clients = true;
    CHECK(refusal_of(options).find("needs cacert_file") != std::string::npos);
    options.tls_1_2 = options.tls_1_3 = false;
    CHECK(refusal_of(options).find("tls_versions") != std::string::npos);
}

}  // namespace divan::server
