#include "server/handlers/documents/replication_documents.h"

#include <algorithm>

#include "auth/permissions.h"
#include "replication/document_state.h"
#include "replication/settings.h"
#include "replication/url.h"
#include "server/config/config.h"
#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/document_reply.h"
#include "storage/document/design_document.h"

namespace divan::server {
namespace {

bool is_admin(const Identity& who, const storage::Database& database) {
    return who.server_admin() || auth::is_database_admin(who, database.settings()->security);
}

bool owns(const Identity& who, const JsonValue& document) {
    const auto* owner = document.find("owner");
    if (!owner) return false;
    return who.name.empty() ? owner->is_null()
                            : owner->is_string() && owner->string() == who.name;
}

Error not_yours() {
    return {Code::forbidden, "Can't update replication documents from other users.", {}};
}

/// `document` with one member set to a JSON text, at its place or the end.
std::string with_member(const JsonValue& document, std::string_view name,
                        const std::string& json) {
    std::string out = "{";
    bool found = false;
    const auto append = [&](std::string_view key, const std::string& value) {
        if (out.size() > 1) out += ',';
        append_json_string(out, key);
        out += ':';
        out += value;
    };
    for (const auto& [key, value] : document.members()) {
        found = found || key == name;
        append(key, key == name ? json : value.dump());
    }
    if (!found) append(name, json);
    return out + "}";
}

bool concerns(const EditContext& context, const storage::Edit& edit) {
    return replication::holds_replications(context.database.name()) &&
           !storage::is_design_id(edit.id);
}

// couch_replicator_docs:before_doc_update_owner/4
Result<void> settle_owner(const EditContext& context, storage::Edit& edit) {
    const auto& who = context.who;
    const auto document = parse_json(edit.body).value();
    const auto* owner = document.find("owner");
    if (owner && owns(who, document)) return {};
    const bool admin = is_admin(who, context.database);
    if (owner && !admin) return not_yours();
    if (owner && !owner->is_null()) return {};
    const auto name = who.name.empty() ? "null" : json_string(who.name);
    return replace_body(edit, with_member(document, "owner", name));
}

// Also of addresses that are none, whose password has a "/" in it: everything between the first ":"
// and the next "@" (couch_replicator_docs:strip_credentials/1).
std::string address_without_credentials(std::string address) {
    const auto scheme = address.find("://");
    const auto start = scheme == std::string::npos ? scheme : scheme + 3;
    const auto colon = address.find(':', start);
    const auto at = address.find('@', colon);
    if (start != std::string::npos && colon != std::string::npos && at != std::string::npos) {
        address.erase(start, at + 1 - start);
    }
    return replication::without_userinfo(address);
}

std::string without_credentials(const JsonValue& endpoint) {
    if (endpoint.is_string()) return json_string(address_without_credentials(endpoint.string()));
    if (!endpoint.is_object()) return endpoint.dump();
    std::string out = "{";
    for (const auto& [key, value] : endpoint.members()) {
        if (key == "headers" || key == "auth") continue;
        if (out.size() > 1) out += ',';
        append_json_string(out, key);
        out += ':';
        out += key == "url" && value.is_string() ? without_credentials(value) : value.dump();
    }
    return out + "}";
}

// Proxies have credentials in their addresses too.
std::string stripped(const JsonValue& document) {
    std::string out = "{";
    for (const auto& [key, value] : document.members()) {
        const bool secret = key == "source" || key == "target" || key == "proxy" ||
                            key == "source_proxy" || key == "target_proxy";
        if (out.size() > 1) out += ',';
        append_json_string(out, key);
        out += ':';
        out += secret ? without_credentials(value) : value.dump();
    }
    return out + "}";
}

}  // namespace

Result<void> prepare_replication_document(const EditContext& context, storage::Edit& edit) {
    if (!concerns(context, edit) || edit.replicated) return {};
    auto settled = settle_owner(context, edit);
    if (settled.has_error() || edit.deleted) return settled;
    const auto document = parse_json(edit.body).value();
    const auto* state = document.find("_replication_state");
    if (state && state->is_string() && state->string() == "failed") return {};
    const auto rules = replication::read_rules(setting_reader(context.services.config));
    const auto parsed = replication::parse_replication(document, rules, nullptr);
    if (parsed.has_error()) return Error{Code::forbidden, parsed.error().reason, {}};
    return {};
}

Result<void> judge_replication_document(const EditContext& context, ProposedEdit& proposed) {
    if (!concerns(context, proposed.edit())) return {};
    if (is_admin(context.who, context.database)) return {};
    const auto* old = proposed.old();
    const auto* owner = old ? old->find("owner") : nullptr;
    if (owner && !owner->is_null() && !owns(context.who, *old)) return not_yours();
    if (proposed.edit().replicated && !owns(context.who, proposed.document())) return not_yours();
    return {};
}

std::optional<Response> stripped_replication_reply(const Call& call, std::string_view id) {
    if (!replication::holds_replications(call.db().name()) || storage::is_design_id(id) ||
        is_admin(call.identity, call.db())) {
        return std::nullopt;
    }
    const auto query = parse_document_query(call.request);
    if (!query) return refusal(query.error());
    if (query->all_open_revisions || !query->open_revisions.empty() || query->latest) {
        return refusal(Code::forbidden,
                       "Only administrators can read several revisions of replication documents.");
    }
    const auto view = call.db().view();
    const auto opened = open_document(*view, id, query->revision);
    if (opened.has_error()) return refusal(opened.error());
    const auto document = parse_json(opened->body.text()).value();
    if (owns(call.identity, document)) return std::nullopt;

    const auto shown = stripped(document);
    const auto made = storage::parse_client_document(shown).value();
    auto revision = storage::new_revision(false, nullptr, made.term, {});
    revision.generation = opened->revision.generation;
    std::string json = R"({"_id":)" + json_string(id) + R"(,"_rev":)" +
                       json_string(to_string(revision)) + (shown.size() > 2 ? "," : "");
    json += shown.substr(1) + "\n";
    return json_response(200, std::move(json));
}

}  // namespace divan::server
