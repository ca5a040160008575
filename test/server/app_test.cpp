#include "server/app.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "test/support/certificate.h"
#include "test/support/test_server.h"

namespace divan::server {
namespace {

using test::Headers;
using test::HttpClient;
using test::Reply;
using test::TempFolder;
using test::TestServer;

const Headers nobody = {{"Authorization", ""}};

AppOptions options_for(const TempFolder& folder) {
    AppOptions options;
    options.data = folder.path() / "data";
    options.port = std::uint16_t{0};
    options.sync_writes = false;
    return options;
}

std::string failure_of(AppOptions options) {
    try {
        App app(std::move(options));
    } catch (const std::exception& failure) {
        return failure.what();
    }
    return {};
}

int status_by(std::uint16_t tls_port, const test::CertificateFiles& files) {
    HttpClient client(tls_port, test::ClientTls{files.certificate, "", "", 0});
    return client.request("GET", "/").status;
}

std::string text_of(const std::filesystem::path& file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("app: what was written is there after a restart, and so is the server's uuid") {
    TestServer server;
    server.create_database("db");
    const auto written = server.put("/db/doc", R"({"n":1})");
    CHECK(written.status == 201);
    const auto welcome = server.get("/").body;
    server.restart();
    CHECK(server.get("/db/doc").status == 200);
    CHECK(server.get("/").body == welcome);
}

TEST_CASE("app: the system databases are made at the start") {
    TestServer server;
    CHECK(server.get("/_users").status == 200);
    CHECK(server.get("/_replicator").status == 200);
}

TEST_CASE("app: without an admin one is made, hashed in the data folder, and kept") {
    const TempFolder folder;
    std::string first;
    for (int i = 0; i < 2; ++i) {
        App app(options_for(folder));
        app.start();
        HttpClient client(app.port());
        CHECK(client.request("GET", "/").status == 200);
        CHECK(client.request("PUT", "/db").status == 401);
        app.stop();
        const auto kept = text_of(folder.path() / "data" / "local.d" / "zz-http.ini");
        CHECK(kept.find("admin = -pbkdf2:sha256-") != std::string::npos);
        if (i == 0) first = kept;
        CHECK(kept == first);
    }
}

TEST_CASE("app: the environment may name the admin") {
    const TempFolder folder;
    ::setenv("COUCHDB_USER", "boss", 1);
    ::setenv("COUCHDB_PASSWORD", "pass", 1);
    App app(options_for(folder));
    ::unsetenv("COUCHDB_USER");
    ::unsetenv("COUCHDB_PASSWORD");
    app.start();
    HttpClient client(app.port());
    CHECK(client.request("PUT", "/db", "", {{"Authorization", "Basic Ym9zczpwYXNz"}}).status ==
          201);
    app.stop();
}

TEST_CASE("app: what stands in the way of a start is said in one line") {
    const TempFolder folder;
    App running(options_for(folder));
    CHECK(failure_of(options_for(folder)).find("in use by another process") != std::string::npos);

    const TempFolder other;
    auto same_port = options_for(other);
    same_port.port = running.port();
    CHECK(failure_of(same_port).find("cannot listen on 127.0.0.1:") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(other.path() / "data" / "local.d"));

    std::ofstream(other.path() / "admin.ini") << "[admins]\nadmin = secret\n";
    auto bad_address = options_for(other);
    bad_address.config_files = {other.path() / "admin.ini"};
    bad_address.bind_address = "nowhere";
    CHECK(failure_of(bad_address).find("no numeric address") != std::string::npos);

    auto no_config = options_for(other);
    no_config.config_files = {other.path() / "none.ini"};
    CHECK(failure_of(no_config).find("none.ini") != std::string::npos);

    auto no_folder = options_for(other);
    std::ofstream(other.path() / "file") << "x";
    no_folder.data = other.path() / "file" / "data";
    CHECK(failure_of(no_folder).find("data folder") != std::string::npos);
}

TEST_CASE("dispatch: paths are judged before methods, databases before bodies") {
    TestServer server;
    server.create_database("db");
    const auto error = [](const Reply& reply) {
        return std::to_string(reply.status) + " " + reply.body;
    };
    const std::string no_admin =
        "401 {\"error\":\"unauthorized\",\"reason\":\"You are not a server admin.\"}\n";
    CHECK(error(server.request("GET", "/_all_dbs", "", nobody)) == no_admin);
    CHECK(error(server.request("PATCH", "/_all_dbs", "", nobody)) == no_admin);
    CHECK(error(server.request("GET", "/_nothing", "", nobody)) == no_admin);
    CHECK(error(server.request("GET", "/_users/_all_docs", "", nobody)) == no_admin);
    CHECK(error(server.request("PUT", "/new", "", nobody)) == no_admin);
    CHECK(server.request("GET", "/none", "", nobody).status == 404);
    CHECK(server.request("PUT", "/none/doc", "no json").body ==
          "{\"error\":\"not_found\",\"reason\":\"Database does not exist.\"}\n");
    CHECK(error(server.request("POST", "/db/_compact", "", nobody)) ==
          "401 {\"error\":\"unauthorized\",\"reason\":"
          "\"You are not authorized to access this db.\"}\n");

    const auto refused = server.request("PATCH", "/db/doc");
    CHECK(refused.status == 405);
    CHECK(refused.header("allow") == "DELETE,GET,HEAD,POST,PUT,COPY");
    CHECK(refused.body == "{\"error\":\"method_not_allowed\",\"reason\":"
                          "\"Only DELETE,GET,HEAD,POST,PUT,COPY allowed\"}\n");
    CHECK(server.get("/%zz").body ==
          "{\"error\":\"bad_request\",\"reason\":\"invalid_url_encoding\"}\n");
}

TEST_CASE("dispatch: wrong passwords and broken headers are refused everywhere") {
    TestServer server;
    const auto with = [&](const char* authorization) {
        return server.request("GET", "/", "", {{"Authorization", authorization}}).status;
    };
    CHECK(with("Basic YWRtaW46c2VjcmV0") == 200);
    CHECK(with("Basic YWRtaW46d3Jvbmc=") == 401);
    CHECK(with("Basic bm9ib2R5OnNlY3JldA==") == 401);
    CHECK(with("Basic *") == 400);
    CHECK(with("Bearer x") == 200);
}

TEST_CASE("dispatch: require_valid_user closes everything, but for _up where that is set") {
    TestServer server("[chttpd]\nrequire_valid_user = true\n");
    const auto refused = server.request("GET", "/", "", nobody);
    CHECK(refused.status == 401);
    CHECK(refused.header("www-authenticate") == "Basic realm=\"server\"");
    CHECK(server.request("GET", "/_up", "", nobody).status == 401);
    CHECK(server.get("/").status == 200);

    CHECK(server.put("/_node/_local/_config/chttpd/require_valid_user_except_for_up", "\"true\"")
              .status == 200);
    CHECK(server.request("GET", "/_up", "", nobody).status == 200);
    CHECK(server.request("GET", "/", "", nobody).status == 401);
}

TEST_CASE("app: HTTPS beside HTTP, with a certificate that a reload replaces") {
    TempFolder folder;
    const auto files = test::make_certificate(folder.path(), "server");
    std::ofstream(folder.path() / "c.ini")
        << "[admins]\nadmin = secret\n[chttpd_auth]\niterations = 1\n"
        << "[ssl]\nenable = true\nport = 0\n"
        << "tls_versions = ['tlsv1.1', 'tlsv1.3']\ncert_file = " << files.certificate.string()
        << "\nkey_file = " << files.key.string() << '\n';
    auto options = options_for(folder);
    options.config_files = {folder.path() / "c.ini"};
    App app(options);
    app.start();
    const auto url = app.tls_url().value();
    REQUIRE(url.starts_with("https://127.0.0.1:"));
    const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    HttpClient secure(port, test::ClientTls{files.certificate, "", "", 0});
    CHECK(secure.tls_version() == "TLSv1.3");
    CHECK(secure.request("GET", "/").status == 200);
    CHECK(HttpClient(app.port()).request("GET", "/").status == 200);

    const auto fresh = test::make_certificate(folder.path(), "fresh");
    std::filesystem::rename(fresh.key, files.key);
    app.reload();  // refused: it is not the certificate's key
    CHECK(status_by(port, files) == 200);
    std::filesystem::rename(fresh.certificate, files.certificate);
    app.reload();
    CHECK(status_by(port, files) == 200);
    app.stop();
}

TEST_CASE("app: TLS that cannot work is an error at the start") {
    TempFolder folder;
    std::ofstream(folder.path() / "c.ini") << "[ssl]\nenable = true\n";
    auto options = options_for(folder);
    options.config_files = {folder.path() / "c.ini"};
    CHECK(failure_of(options) == "[ssl] cert_file is not set");
}

}  // namespace divan::server
