#include "test/server/handlers/handler_host.h"

#include "server/http/text_body.h"

namespace divan::server {
namespace {

Task<Response> answer(Handler handler, Call& call) {
    std::optional<Error> refused;
    try {
        Response response = co_await handler(call);
        co_return std::move(response);
    } catch (const Refused& failure) {
        refused = failure.error();
    }
    co_return refusal(*refused);
}

Task<void> run(Handler handler, Call& call, Reply& reply, IoLoop& loop,
               const std::function<void(const std::string&)>& on_piece) {
    Response response = co_await answer(handler, call);
    reply.status = response.status;
    reply.body = std::move(response.body);
    if (const auto* type = response.header("Content-Type")) reply.content_type = *type;
    if (response.source) {
        std::string piece;
        bool more = co_await response.source->next(piece);
        while (more) {
            reply.body += piece;
            if (on_piece) on_piece(reply.body);
            more = co_await response.source->next(piece);
        }
    }
    loop.stop();
}

}  // namespace

HandlerHost::HandlerHost(bool partitioned)
    : services_{catalog_, config, accounts_, session_settings_, sessions_, tokens_, passkeys_,
                departed_users_, *pool_, clock_, metrics_, audit_, limiter_, javascript_, views_,
                "uuid", [] {}, [] { return false; }} {
    storage::NewDatabase options;
    options.partitioned = partitioned;
    database_ = catalog_.create("db", options).value();
}

Reply HandlerHost::call(Handler handler, Sent sent) {
    TextBody body(std::move(sent.body));
    Request request;
    request.method = sent.method;
    request.target = sent.target;
    parse_target(sent.target, request).value();
    request.headers = std::move(sent.headers);
    request.body = &body;
    Call call{request, services_, identity, database_, std::move(sent.path_values)};

    Reply reply;
    auto& loop = make_loop();
    loop.post([&] { spawn(run(handler, call, reply, loop, on_piece)); });
    loop.run();
    return reply;
}

Reply HandlerHost::post(Handler handler, std::string body, std::string target) {
    Sent sent;
    sent.target = std::move(target);
    sent.body = std::move(body);
    return call(handler, std::move(sent));
}

Reply HandlerHost::get(Handler handler, std::string target) {
    Sent sent;
    sent.method = "GET";
    sent.target = std::move(target);
    sent.headers.clear();
    return call(handler, std::move(sent));
}

}  // namespace divan::server
