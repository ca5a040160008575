#include "server/handlers/sign_in/session_cookie.h"

#include "server/cookies.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

void set_cookie(Response& response, const Call& call, std::string_view value) {
    const auto now = call.services.clock.unix_seconds();
    response.add("Set-Cookie", session_set_cookie(value, call.services.config, call.request, now));
}

}  // namespace

void add_session_cookie(Response& response, const Call& call, const auth::Started& started) {
    set_cookie(response, call, started.cookie);
}

void clear_session_cookie(Response& response, const Call& call) {
    set_cookie(response, call, {});
}

std::string signed_in_body(const auth::Account& account) {
    std::string body = R"({"ok":true,"name":)" + json_string(account.name) + R"(,"roles":)";
    append_json_strings(body, account.roles);
    return body + "}\n";
}

}  // namespace divan::server
