#include "server/handlers/sign_in/account_pages.h"

#include <algorithm>

#include "server/handlers/etag.h"
#include "server/handlers/sign_in/account_files.h"

namespace divan::server {
namespace {

// Nothing inline, nothing from elsewhere, in nobody's frame: whoever could run a script here would
// have the session of whoever signs in.
constexpr std::string_view content_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

Response file_response(const Request& request, std::string_view name) {
    const auto files = account_files();
    const auto file = std::ranges::find(files, name, &AccountFile::name);
    if (file == files.end()) return refusal(Code::not_found, "missing");
    Response response;
    if (has_etag(request, file->etag)) {
        response.status = 304;
    } else {
        response.body = file->bytes;
        response.set("Content-Type", std::string(file->content_type));
    }
    response.set("ETag", std::string(file->etag));
    response.set("Cache-Control", "no-cache");  // Kept, but asked for: a new program has new ones.
    response.set("Content-Security-Policy", std::string(content_policy));
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "same-origin");
    response.set("Cross-Origin-Opener-Policy", "same-origin");
    return response;
}

}  // namespace

Task<Response> get_account_page(Call& call) {
    co_return file_response(call.request, "index.html");
}

Task<Response> get_account_file(Call& call) {
    co_return file_response(call.request, call.path("file"));
}

}  // namespace divan::server
