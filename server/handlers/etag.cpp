#include "server/handlers/etag.h"

#include "storage/base/digest.h"

namespace divan::server {

std::string content_etag(std::string_view content) {
    return '"' + hex_encode(as_bytes(md5(content))) + '"';
}

bool has_etag(const Request& request, std::string_view etag) {
    const std::string* header = request.header("if-none-match");
    if (!header) return false;
    std::string_view rest = *header;
    while (!rest.empty()) {
        const auto first = rest.find('"');
        if (first == std::string_view::npos) return false;
        const auto last = rest.find('"', first + 1);
        if (last == std::string_view::npos) return false;
        if (rest.substr(first, last - first + 1) == etag) return true;
        rest.remove_prefix(last + 1);
    }
    return false;
}

Response etagged_json(const Request& request, std::string body) {
    std::string etag = content_etag(body);
    const bool known = has_etag(request, etag);
    Response response = known ? Response() : json_response(200, std::move(body));
    if (known) response.status = 304;
    response.set("ETag", std::move(etag));
    return response;
}

}  // namespace divan::server
