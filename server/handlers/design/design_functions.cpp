#include "server/handlers/design/design_functions.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "auth/permissions.h"
#include "server/config/config.h"
#include "server/handlers/databases/database_info.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/local_docs.h"
#include "server/handlers/documents/user_documents.h"
#include "server/services.h"
#include "storage/base/utf8.h"
#include "storage/database/document_text.h"
#include "storage/database/local_docs.h"
#include "storage/database/read_view.h"
#include "storage/document/design_document.h"
#include "storage/query/validators.h"

namespace divan::server {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// Bytes that are no UTF-8 have no JSON; they show as what they look like in Latin-1.
void append_text(std::string& out, std::string_view bytes) {
    if (is_utf8(bytes)) return append_json_string(out, bytes);
    std::string text;
    for (const char byte : bytes) {
        const auto code = static_cast<unsigned char>(byte);
        if (code < 0x80) {
            text.push_back(byte);
        } else {
            text.push_back(static_cast<char>(0xC0 | (code >> 6)));
            text.push_back(static_cast<char>(0x80 | (code & 0x3F)));
        }
    }
    append_json_string(out, text);
}

void append_member(std::string& out, std::string_view name) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    out += ':';
}

void append_texts(std::string& out, const std::vector<std::string>& texts) {
    out += '[';
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i > 0) out += ',';
        append_text(out, texts[i]);
    }
    out += ']';
}

/// Of a name that comes twice the last value counts, as JSON.parse has it.
void append_pairs(std::string& out, const Pairs& pairs) {
    out += '{';
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        if (i > 0) out += ',';
        append_text(out, pairs[i].first);
        out += ':';
        append_text(out, pairs[i].second);
    }
    out += '}';
}

/// The target's parts, its query among them: chttpd splits before it looks for one.
std::vector<std::string> requested_path(const Request& request) {
    std::vector<std::string> parts;
    const auto* asked = request.header(vhost_path_header);
    std::string_view rest = asked != nullptr ? *asked : request.target;
    while (!rest.empty()) {
        const auto slash = std::min(rest.find('/'), rest.size());
        if (slash > 0) parts.push_back(url_decode(rest.substr(0, slash)).value());
        rest.remove_prefix(std::min(slash + 1, rest.size()));
    }
    return parts;
}

/// chttpd_external:json_query_keys/1: some values are JSON.
void append_query(std::string& out, const Request& request) {
    out += '{';
    bool first = true;
    for (const auto& [name, value] : request.query) {
        if (!std::exchange(first, false)) out += ',';
        append_text(out, name);
        out += ':';
        const bool json =
            name == "startkey" || name == "endkey" || name == "key" || name == "descending";
        if (json) {
            parse_json(value).value().dump_to(out);
        } else {
            append_text(out, value);
        }
    }
    out += '}';
}

/// As Erlang's parser writes names that it gets in any case.
std::string title_case(std::string name) {
    bool start = true;
    for (char& c : name) {
        if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
        start = c == '-';
    }
    return name;
}

/// chttpd_util:scrub_mochiweb_client_req/1.
bool is_secret(std::string_view header) {
    return header == "authorization" || header == "cookie" || header == "x-auth-couchdb-token";
}

void append_headers(std::string& out, const Request& request) {
    Pairs headers;
    for (const auto& [name, value] : request.headers) {
        if (is_secret(name)) continue;
        const auto shown = title_case(name);
        const auto same = std::find_if(headers.begin(), headers.end(),
                                       [&](const auto& one) { return one.first == shown; });
        if (same == headers.end()) {
            headers.emplace_back(shown, value);
        } else {
            same->second += ", " + value;
        }
    }
    std::sort(headers.begin(), headers.end());
    append_pairs(out, headers);
}

void append_form(std::string& out, const Request& request,
                 const std::optional<FunctionBody>& body) {
    Pairs fields;
    const bool sent = body && (request.method == "POST" || request.method == "PUT") &&
                      request.content_type() == "application/x-www-form-urlencoded";
    std::string_view rest = sent ? std::string_view(body->text) : std::string_view();
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto field = rest.substr(0, end);
        const auto equals = std::min(field.find('='), field.size());
        const auto value = field.substr(std::min(equals + 1, field.size()));
        fields.emplace_back(url_decode(field.substr(0, equals)).value(), url_decode(value).value());
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    append_pairs(out, fields);
}

std::string security_json(const Call& call) {
    const auto settings = call.db().settings();
    return settings->security.empty() ? std::string(auth::default_security_json)
                                      : settings->security;
}

}  // namespace

Task<Response> require_design(Call& call) {
    const auto& segments = call.request.segments;
    constexpr std::size_t name = 2;
    if (segments.size() > name + 1 && segments[name + 1].starts_with('_')) {
        co_await call.services.on_storage([&] { open_design(call, segments[name]); });
    }
    co_return Response();
}

OpenDesign open_design(const Call& call, std::string_view name) {
    const std::string id = "_design/" + std::string(name);
    const auto winner = storage::read_winner(call.db(), id);
    if (!winner) throw Refused(Code::not_found, "missing");
    if (winner->head.deleted) throw Refused(Code::not_found, "deleted");
    OpenDesign design;
    design.revision = to_string(winner->head.winner);
    design.body = parse_json(winner->body.text()).value();
    std::string text;
    const auto view = call.db().view();
    append_document(text, *view, id, winner->head.winner, winner->body, nullptr, {});
    design.functions = call.services.javascript.functions(
        {call.db().name() + " " + call.db().entry().uuid, id, design.revision, std::move(text)});
    return design;
}

void require_function(const OpenDesign& design, std::string_view section, std::string_view name) {
    const auto* members = design.body.find(section);
    if (members == nullptr) {
        throw Refused(Code::not_found, "missing json key: " + std::string(section));
    }
    if (!members->is_object()) throw Refused(Code::not_found, "json_mismatch");
    if (members->find(name) == nullptr) {
        throw Refused(Code::not_found, "missing json key: " + std::string(name));
    }
    const auto* language = design.body.find("language");
    if (language != nullptr && language->is_string() &&
        !storage::is_language(language->string(), "javascript")) {
        storage::refuse_language(language->string());
    }
}

std::string request_object(const Call& call, const std::optional<std::string>& id,
                           const std::optional<FunctionBody>& body) {
    const auto& request = call.request;
    std::string out = "{";
    append_member(out, "info");
    append_database_info(out, call.db());
    append_member(out, "uuid");
    append_json_string(out, call.services.uuids->next(call.services.config));
    append_member(out, "id");
    id ? append_text(out, *id) : void(out += "null");
    append_member(out, "method");
    append_json_string(out, request.method);
    append_member(out, "requested_path");
    append_texts(out, requested_path(request));
    append_member(out, "path");
    append_texts(out, request.segments);
    append_member(out, "raw_path");
    append_text(out, request.target);
    append_member(out, "query");
    append_query(out, request);
    append_member(out, "headers");
    append_headers(out, request);
    append_member(out, "body");
    if (body && body->json) {
        out += body->text;
    } else {
        append_text(out, body ? body->text : "undefined");
    }
    append_member(out, "peer");
    append_text(out, call.client_address.empty() ? request.peer_address : call.client_address);
    append_member(out, "form");
    append_form(out, request, body);
    append_member(out, "cookie");
    out += "{}";
    append_member(out, "userCtx");
    out += storage::user_context_json(call.identity, call.db().name());
    append_member(out, "secObj");
    out += security_json(call);
    out += '}';
    return out;
}

std::size_t function_revs_max(const Call& call) {
    constexpr std::int64_t otherwise = 20;
    const auto limit =
        call.services.config.get_integer("query_server_config", "revs_limit", otherwise);
    return static_cast<std::size_t>(std::max<std::int64_t>(limit, 1));
}

FunctionDocument function_document(const Call& call, const std::string& id, bool with_conflicts) {
    check_user_reader(call, id).value();
    FunctionDocument found;
    const auto view = call.db().view();
    if (is_local_id(id)) {
        const auto name = id.substr(local_prefix.size());
        const auto doc = storage::local_doc(*view, name);
        if (!doc) return found;
        found.json = local_document_json(name, *doc, true);
        found.revision = "0-" + std::to_string(doc->edit_count);
        return found;
    }
    const auto record = view->record(id);
    if (!record) return found;
    const auto winner = record->tree.winner();
    const auto& node = record->tree.node(winner);
    if (node.deleted) return found;
    const auto revision = record->tree.path(winner).front();
    const auto body = view->body(id, revision);
    if (!body) return found;
    storage::DocumentOptions options;
    options.revs = true;
    options.revs_max = function_revs_max(call);
    options.conflicts = with_conflicts;
    found.json.clear();
    append_document(found.json, *view, id, revision, *body, &*record, options);
    found.revision = to_string(revision);
    return found;
}

}  // namespace divan::server
