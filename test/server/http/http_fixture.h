#pragma once

#include <functional>
#include <string>

#include "server/http/http_server.h"
#include "test/support/http_client.h"

namespace divan::server {

/// An HTTP server whose every request goes to one function of the test.
class HttpFixture : public RequestHandler {
public:
    using Handler = std::function<Task<Response>(Request&)>;

    explicit HttpFixture(Handler handler, HttpOptions options = {})
        : handler_(std::move(handler)), server_(*this, metrics, with_quick_tick(options)) {
        server_.start();
    }
    ~HttpFixture() override { stop(); }

    Task<Response> handle(Request& request) override { return handler_(request); }
    std::uint16_t port() const { return server_.port(); }
    std::uint16_t tls_port() const { return server_.tls_port(); }
    void stop(std::chrono::milliseconds grace = std::chrono::minutes(2)) {
        if (!std::exchange(stopped_, true)) server_.stop(grace);
    }

    Metrics metrics;

private:
    static HttpOptions with_quick_tick(HttpOptions options) {
        if (options.loops == 0) options.loops = 2;
        options.tick = std::chrono::milliseconds(20);
        return options;
    }

    Handler handler_;
    HttpServer server_;
    bool stopped_ = false;
};

inline Response text_response(std::string body) {
    Response response;
    response.add("Content-Type", "text/plain");
    response.body = std::move(body);
    return response;
}

/// Method, path and body, as a text.
inline Task<Response> echo(Request& request) {
    const auto body = co_await request.body->read_all(1 << 20);
    co_return text_response(request.method + " " + request.raw_path + " " + body);
}

inline Task<Response> ignore_body(Request& request) {
    co_return text_response("ignored " + request.raw_path);
}

}  // namespace divan::server
