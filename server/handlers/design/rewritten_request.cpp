#include "server/handlers/design/rewritten_request.h"

#include <memory>
#include <utility>

#include "server/http/text_body.h"

namespace divan::server {
namespace {

/// The request that takes the place of another, which keeps it: answers may read it to their end.
struct Rewritten {
    Request request;
    std::unique_ptr<TextBody> body;
};

}  // namespace

Request& rewrite_request(Request& original, std::string_view target) {
    auto made = std::make_shared<Rewritten>();
    auto& request = made->request;
    request.method = original.method;
    request.head = original.head;
    request.target = std::string(target);
    parse_target(target, request).value();
    request.headers = original.headers;
    request.peer_address = original.peer_address;
    request.local_address = original.local_address;
    request.secure = original.secure;
    request.keep_alive = original.keep_alive;
    request.body = original.body;
    request.connection = original.connection;
    request.rewrites = original.rewrites + 1;
    original.rewritten = std::move(made);
    return request;
}

void replace_body(Request& original, Request& request, std::string text) {
    auto& made = *std::static_pointer_cast<Rewritten>(original.rewritten);
    made.body = std::make_unique<TextBody>(std::move(text));
    request.body = made.body.get();
    std::erase_if(request.headers, [](const Header& header) {
        return header.name == "content-length" || header.name == "content-encoding" ||
               header.name == "transfer-encoding";
    });
}

}  // namespace divan::server
