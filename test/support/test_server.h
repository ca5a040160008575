#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/app.h"
#include "test/support/http_client.h"
#include "test/support/temp_folder.h"

namespace divan::test {

/// The whole server in this process, on a free port of this machine and a folder of its own. Its
/// admin is "admin" with the password "secret", and requests are made by it unless `headers` have
/// an Authorization of their own (an empty one: nobody).
class TestServer {
public:
    TestServer();
    /// `ini` is what its configuration file says besides the admin.
    explicit TestServer(std::string_view ini);
    ~TestServer();

    std::uint16_t port() const { return app_->port(); }
    /// Stops and starts again on the same folder.
    void restart();

    Reply request(std::string_view method, std::string_view target, std::string_view body = {},
                  const Headers& headers = {});
    Reply get(std::string_view target) { return request("GET", target); }
    Reply put(std::string_view target, std::string_view body = {}) {
        return request("PUT", target, body);
    }
    /// As application/json.
    Reply post(std::string_view target, std::string_view body = {});
    Reply del(std::string_view target) { return request("DELETE", target); }
    void create_database(std::string_view name);

private:
    void start();

    TempFolder folder_;
    std::unique_ptr<server::App> app_;
    std::unique_ptr<HttpClient> client_;
};

}  // namespace divan::test
