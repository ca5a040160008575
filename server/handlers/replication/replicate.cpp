#include "server/handlers/replication/replicate.h"

#include <algorithm>

#include "replication/replicator.h"
#include "server/cookies.h"
#include "server/handlers/callback.h"
#include "server/handlers/json_body.h"

namespace divan::server {
namespace {

using replication::JobRequest;
using replication::RunEnd;

// What chttpd:make_uri/2 takes over from the request for databases of this server.
replication::LocalNames local_names(const Call& call) {
    const auto* authorization = call.request.header("authorization");
    const auto cookie = cookie_of(call.request, session_cookie_name);
    replication::LocalNames names{call.services.replicator->address(), {}, {}};
    if (authorization) names.authorization = *authorization;
    if (!cookie.empty()) {
        names.cookie.append(session_cookie_name).append("=").append(cookie);
    }
    return names;
}

void require_login(const Call& call) {
    if (!call.identity.name.empty() || call.identity.server_admin()) return;
    throw Refused(Code::unauthorized, "You are not an authenticated user");
}

// couch_replicator:check_authorization/2
void require_own(const Call& call, const JobRequest& job) {
    if (job.replication.user.name == call.identity.name || call.identity.server_admin()) return;
    throw Refused(Code::unauthorized, "You are not a server admin.");
}

std::string id_reply(const std::string& id) {
    return "{\"ok\":true,\"_local_id\":" + json_string(id) + "}\n";
}

Response end_reply(const RunEnd& end) {
    switch (end.kind) {
        case RunEnd::Kind::completed: return json_response(200, end.answer + "\n");
        case RunEnd::Kind::stopped: return json_response(200, "{\"ok\":\"stopped\"}\n");
        case RunEnd::Kind::failed: break;
    }
    if (end.error == "unauthorized") return refusal(Code::unauthorized, end.reason);
    if (end.error == "forbidden") return refusal(Code::forbidden, end.reason);
    return refusal(Error{Code::internal_error, end.reason, end.error});
}

Task<Response> cancel(Call& call, std::string id) {
    auto& scheduler = call.services.replicator->scheduler();
    const auto job = scheduler.find(id);
    if (!job) co_return refusal(Code::not_found, "missing");
    require_own(call, *job);
    Callback<bool> removed([&](std::function<void(bool)> done) {
        if (!scheduler.remove(id, [done] { done(true); })) done(false);
    });
    const bool was_there = co_await removed;
    if (!was_there) co_return refusal(Code::not_found, "missing");
    co_return json_response(200, id_reply(id));
}

Task<Response> run(Call& call, JobRequest request) {
    auto& scheduler = call.services.replicator->scheduler();
    const auto id = request.id.full();
    if (const auto job = scheduler.find(id)) require_own(call, *job);
    if (request.replication.continuous) {
        scheduler.add(std::move(request));
        co_return json_response(202, id_reply(id));
    }
    Callback<RunEnd> ended([&](std::function<void(RunEnd)> done) {
        scheduler.add(std::move(request), std::move(done));
    });
    const auto end = co_await ended;
    co_return end_reply(end);
}

}  // namespace

Task<Response> post_replicate(Call& call) {
    require_login(call);
    require_json_type(call.request);
    const JsonValue body = co_await read_json_object(call);
    auto& replicator = *call.services.replicator;
    const auto names = local_names(call);
    auto replication =
        replication::parse_replication(body, replicator.rules(), &names).value();
    if (replication.cancel && replication.cancel_id) {
        co_return co_await cancel(call, *replication.cancel_id);
    }
    replication.user = call.identity;
    replication.doc_id.clear();  // `_id` of a body means nothing.
    const bool cancelling = replication.cancel;
    Callback<Result<JobRequest>> identified([&](std::function<void(Result<JobRequest>)> done) {
        replicator.identify(std::move(replication), std::move(done));
    });
    auto request = co_await identified;
    if (request.has_error()) co_return refusal(request.error());
    if (cancelling) co_return co_await cancel(call, request->id.full());
    co_return co_await run(call, std::move(*request));
}

Task<Response> refuse_replicate(Call& call) {
    co_await read_json_object(call);
    require_login(call);
    auto response = refusal(Code::method_not_allowed, "Only POST allowed");
    response.set("Allow", "POST");
    co_return response;
}

}  // namespace divan::server
