#include "server/http/error_response.h"

#include <array>
#include <vector>

#include "storage/base/json.h"

namespace divan::server {
namespace {

struct Row {
    Code code;
    int status;
    std::string_view name;
    std::string_view reason;
};

// Every refusal and what a client reads of it: chttpd:error_info/1.
constexpr auto table = std::to_array<Row>({
    {Code::bad_request, 400, "bad_request", ""},
    {Code::query_parse_error, 400, "query_parse_error", ""},
    {Code::illegal_docid, 400, "illegal_docid", ""},
    {Code::illegal_database_name, 400, "illegal_database_name", ""},
    {Code::invalid_url_encoding, 400, "bad_request", "invalid_url_encoding"},
    {Code::doc_validation, 400, "doc_validation", ""},
    {Code::invalid_design_doc, 400, "invalid_design_doc", ""},
    {Code::compilation_error, 400, "compilation_error", ""},
    {Code::multipart_error, 400, "bad_request", ""},
    {Code::unauthorized, 401, "unauthorized", "You are not authorized to access this db."},
    {Code::forbidden, 403, "forbidden", "You are not allowed to access this db."},
    {Code::not_found, 404, "not_found", "missing"},
    {Code::method_not_allowed, 405, "method_not_allowed", ""},
    {Code::not_acceptable, 406, "not_acceptable", ""},
    {Code::request_timeout, 408, "timeout",
     "The request could not be processed in a reasonable amount of time."},
    {Code::conflict, 409, "conflict", "Document update conflict."},
    {Code::database_exists, 412, "file_exists",
     "The database could not be created, the file already exists."},
    {Code::missing_stub, 412, "missing_stub", ""},
    {Code::precondition_failed, 412, "precondition_failed", ""},
    {Code::document_too_large, 413, "document_too_large", ""},
    {Code::attachment_too_large, 413, "attachment_too_large", ""},
    {Code::request_too_large, 413, "too_large", "the request entity is too large"},
    {Code::bad_content_type, 415, "bad_content_type", "Content-Type must be application/json"},
    {Code::bad_range, 416, "requested_range_not_satisfiable", "Requested range not satisfiable"},
    {Code::expectation_failed, 417, "expectation_failed", ""},
    {Code::too_many_requests, 429, "too_many_requests", "Too many requests."},
    {Code::internal_error, 500, "internal_server_error", "The request failed; see the log."},
    {Code::not_implemented, 501, "not_implemented", "this feature is not yet implemented"},
    {Code::maintenance, 503, "service unavailable", "The server is in maintenance mode."},
    {Code::storage_full, 507, "insufficient_storage", "There is no space left on the disk."},
    {Code::storage_failed, 500, "storage_failed", "The storage failed; see the log."},
});

constexpr bool rows_follow_codes() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].code) != i) return false;
    }
    return true;
}
static_assert(rows_follow_codes());

std::string_view trimmed(std::string_view text) {
    const auto start = text.find_first_not_of(" \t");
    if (start == std::string_view::npos) return {};
    return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

// Whether the parameters of a media range say that it is not wanted: "q=0", "q=0.0" …
bool unwanted(std::string_view parameters) {
    const auto at = parameters.find("q=");
    if (at == std::string_view::npos) return false;
    const auto digits = parameters.substr(at + 2, parameters.find(';', at) - at - 2);
    return !digits.empty() && trimmed(digits).find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

ErrorText describe(const Error& error) {
    const auto& row = table.at(static_cast<std::size_t>(error.code));
    return {row.status, error.name.empty() ? row.name : std::string_view(error.name),
            error.reason.empty() ? row.reason : std::string_view(error.reason),
            error.reason_is_json && !error.reason.empty()};
}

void ErrorText::append_reason(std::string& out) const {
    if (reason_is_json) {
        out += reason;
    } else {
        append_json_string(out, reason);
    }
}

Response refusal(const Error& error) {
    const auto text = describe(error);
    std::string body = "{\"error\":";
    append_json_string(body, text.name);
    body += ",\"reason\":";
    text.append_reason(body);
    body += "}\n";
    auto response = json_response(text.status, std::move(body));
    response.refused = std::make_unique<Error>(error);
    return response;
}

Response refusal(Code code, std::string reason) {
    return refusal(Error{code, std::move(reason), {}});
}

bool accepts_type(const Request& request, std::string_view content_type) {
    const auto* accept = request.header("accept");
    if (accept == nullptr) return true;
    const auto slash = content_type.find('/');
    bool wanted = false;
    std::string_view rest = *accept;
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        const auto range = trimmed(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        const auto semicolon = std::min(range.find(';'), range.size());
        const auto type = trimmed(range.substr(0, semicolon));
        const bool refused = unwanted(range.substr(semicolon));
        if (type == content_type && refused) return false;
        const bool whole_family = type.size() == slash + 2 && type.back() == '*' &&
                                  type.substr(0, slash + 1) == content_type.substr(0, slash + 1);
        if (!refused && (type == content_type || type == "*/*" || whole_family)) wanted = true;
    }
    return wanted;
}

void complete_refusal(const Request& request, const LoginHints& hints, Response& response) {
    if (response.status != 401 || !response.refused) return;
    if (const auto* asked = request.header("x-couchdb-www-authenticate")) {
        response.set("WWW-Authenticate", *asked);
        return;
    }
    if (!hints.www_authenticate.empty()) {
        response.set("WWW-Authenticate", hints.www_authenticate);
        return;
    }
    const auto text = describe(*response.refused);
    if (text.name != "unauthorized" || hints.redirect.empty()) return;
    if (hints.require_valid_user) {
        response.set("WWW-Authenticate", "Basic realm=\"server\"");
        return;
    }
    if (accepts_type(request, "application/json") || !accepts_type(request, "text/html")) return;
    std::string path;
    for (const auto& segment : request.segments) path += "/" + segment;
    if (path.empty() || request.raw_path.back() == '/') path += "/";
    response.status = 302;
    response.set("Location", absolute_uri(request, hints.redirect + "?return=" + url_encode(path) +
                                                       "&reason=" + url_encode(text.reason)));
}

}  // namespace divan::server
