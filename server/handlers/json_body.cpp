#include "server/handlers/json_body.h"

#include "server/config/config.h"

namespace divan::server {
namespace {

constexpr std::int64_t request_bytes_max = 4'294'967'296;

}  // namespace

void require_json_type(const Request& request) {
    const std::string* header = request.header("content-type");
    std::string_view type = header ? *header : std::string_view();
    type = type.substr(0, type.find(';'));
    if (type != "application/json") {
        throw Refused(Code::bad_content_type, "Content-Type must be application/json");
    }
}

Task<std::string> read_body(Call& call) {
    const auto bytes_max = call.services.config.get_integer("chttpd", "max_http_request_size",
                                                            request_bytes_max);
    co_return co_await call.request.body->read_all(static_cast<std::uint64_t>(bytes_max));
}

Task<JsonValue> read_json(Call& call) {
    const std::string body = co_await read_body(call);
    const bool sent = call.request.header("content-length") != nullptr ||
                      call.request.header("transfer-encoding") != nullptr;
    if (body.empty() && !sent) throw Refused(Code::bad_request, "Missing request body");
    if (body.size() <= inline_parse_bytes_max) co_return parse_json(body).value();
    auto parsed = co_await call.services.on_storage([&body] { return parse_json(body).value(); });
    co_return std::move(parsed);
}

Task<JsonValue> read_json_object(Call& call) {
    JsonValue value = co_await read_json(call);
    if (!value.is_object()) {
        throw Refused(Code::bad_request, "Request body must be a JSON object");
    }
    co_return std::move(value);
}

}  // namespace divan::server
