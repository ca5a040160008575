#pragma once

#include <atomic>
#include <memory>
#include <span>

#include "server/http/error_response.h"
#include "server/http/http_server.h"
#include "server/routes.h"

namespace divan::server {

class RouteTree;

/// Between sessions and handlers: finds the row, says who asks, checks that they may, calls, and
/// turns what was refused or broke into an answer. Any thread; outlives every request.
class Dispatcher final : public RequestHandler {
public:
    /// `routes` and `services` outlive this.
    Dispatcher(std::span<const Route> routes, Services& services);
    ~Dispatcher() override;

    Task<Response> handle(Request& request) override;
    void complete(const Request& request, Response& response) override;

private:
    struct Rules;

    Task<Response> answer_rewritten(Request& request);
    Task<Response> serve(Call& call, const Rules& rules);
    std::shared_ptr<const Rules> rules();
    void authorize(Call& call, const Route& first, const Route* row, const Rules& rules) const;
    Response explain_failure(const Request& request) const;

    Services& services_;
    std::unique_ptr<RouteTree> tree_;
    std::atomic<std::shared_ptr<const Rules>> rules_;  ///< Shared: requests keep the one they saw.
};

}  // namespace divan::server
