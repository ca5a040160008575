#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/passkey_policy.h"
#include "auth/sessions.h"
#include "server/routes.h"
#include "storage/base/json.h"

namespace divan::server {

/// What a challenge is bound to: the caller's session or, before there is one, a cookie that lives
/// for as long as ceremonies do. Adds that cookie to `response` where it is needed and was not
/// sent.
std::string ceremony_client(const Call& call, Response& response);
/// All that an answer's challenge may be bound to: the session, and the cookie.
std::vector<std::string> ceremony_clients(const Call& call);

/// How the request reached the server.
auth::RequestedHost requested_host(const Request& request);
/// The site that this request is for; throws `Refused`.
auth::RelyingParty relying_party(const Call& call);

/// A member that is a text or not there; any other kind is refused with `bad_request`, by throwing.
std::optional<std::string> optional_text(const JsonValue& body, std::string_view member);

/// A name that people give to a thing: bounded, one line; throws `Refused`. `otherwise` where there
/// is none.
std::string one_line(std::optional<std::string> text, std::string otherwise);

/// A JSON answer that nobody keeps: it is about secrets, or for once.
Response private_json(int status, std::string body);

/// Starts a session and answers as POST /_session does. What is referred to outlives the task.
Task<Response> begin_session(Call& call, const auth::Account& account, auth::SessionKind kind);

template <class T>
Result<void> outcome_of(const Result<T>& result) {
    return result ? Result<void>() : Result<void>(result.error());
}

/// Writes to the audit log what was done to, or tried with, the account `user`.
void audit_account(const Call& call, std::string event, std::string_view user,
                   const Result<void>& outcome, std::string detail = {});

/// The one who is signed in; throws `Refused` where nobody is.
const std::string& signed_in_user(const Call& call);

}  // namespace divan::server
