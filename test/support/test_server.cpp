#include "test/support/test_server.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace divan::test {
namespace {

constexpr const char* admin_authorization = "Basic YWRtaW46c2VjcmV0";  // admin:secret
// One round instead of CouchDB's 600,000: tests start many servers.
constexpr const char* admin_ini =
    "[chttpd_auth]\niterations = 1\n[admins]\nadmin = secret\n";

}  // namespace

TestServer::TestServer() : TestServer(std::string_view()) {}

TestServer::TestServer(std::string_view ini) {
    std::ofstream(folder_.path() / "local.ini") << admin_ini << ini;
    start();
}

TestServer::~TestServer() {
    client_.reset();
    app_->stop();
}

void TestServer::start() {
    server::AppOptions options;
    options.data = folder_.path();
    options.port = std::uint16_t{0};
    options.sync_writes = false;
    options.javascript_program = DIVAN_JS;
    app_ = std::make_unique<server::App>(std::move(options));
    app_->start();
}

void TestServer::restart() {
    client_.reset();
    app_->stop();
    app_.reset();
    start();
}

Reply TestServer::request(std::string_view method, std::string_view target, std::string_view body,
                          const Headers& headers) {
    if (!client_) client_ = std::make_unique<HttpClient>(port());
    auto all = headers;
    const bool own = std::any_of(all.begin(), all.end(),
                                 [](const auto& one) { return one.first == "Authorization"; });
    if (!own) all.emplace_back("Authorization", admin_authorization);
    std::erase_if(all, [](const auto& one) {
        return one.first == "Authorization" && one.second.empty();
    });
    auto reply = client_->request(method, target, body, all);
    if (reply.header("connection") == "close") client_.reset();
    return reply;
}

Reply TestServer::post(std::string_view target, std::string_view body) {
    return request("POST", target, body, {{"Content-Type", "application/json"}});
}

void TestServer::create_database(std::string_view name) {
    const auto reply = put("/" + std::string(name));
    if (reply.status != 201) throw std::runtime_error("cannot make " + std::string(name));
}

}  // namespace divan::test
