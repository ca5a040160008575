#include "server/handlers/documents/user_audit.h"

#include <fmt/format.h>

#include <optional>

#include "auth/accounts.h"
#include "auth/audit.h"
#include "server/audit_event.h"
#include "server/handlers/documents/user_documents.h"
#include "storage/base/json.h"
#include "storage/database/read_view.h"

namespace divan::server {
namespace {

/// An event beside the edit that it tells of.
struct Told {
    std::size_t edit;
    auth::AuditEvent event;
};

std::string roles_of(const JsonValue& document) {
    const auto* roles = document.find("roles");
    return roles ? roles->dump() : "[]";
}

std::string text_of(const JsonValue& document, std::string_view key) {
    const auto* value = document.find(key);
    return value ? value->dump() : std::string();
}

// Whatever form it is stored in; a hash that is renewed at a sign-in is not written by a call.
bool same_password(const JsonValue& before, const JsonValue& after) {
    for (const auto* key : {"derived_key", "password_sha", "salt"}) {
        if (text_of(before, key) != text_of(after, key)) return false;
    }
    return true;
}

void describe(const std::optional<storage::WinnerDocument>& stored, const storage::Edit& edit,
              auth::AuditEvent& event) {
    const bool there = stored && !stored->head.deleted;
    const auto after = parse_json(edit.body);
    if (edit.deleted || !after) {
        event.event = "user_removed";
        return;
    }
    if (!there) {
        event.event = "user_made";
        event.detail = "roles " + roles_of(*after);
        return;
    }
    event.event = "user_changed";
    const auto before = parse_json(stored->body.text()).value();
    const auto was = roles_of(before);
    const auto is = roles_of(*after);
    if (was != is) event.detail = fmt::format("roles {} became {}", was, is);
    if (!same_password(before, *after)) {
        event.detail += event.detail.empty() ? "password" : ", password";
    }
}

std::vector<Told> user_changes(const Call& call, const std::vector<storage::Edit>& edits) {
    std::vector<Told> told;
    if (!holds_users(call.services, call.db())) return told;
    const auto view = call.db().view();
    for (std::size_t at = 0; at < edits.size(); ++at) {
        const auto& edit = edits[at];
        if (!edit.id.starts_with(auth::user_id_prefix)) continue;
        auto event = audit_event(call, {});
        event.actor = event.user;
        event.user = edit.id.substr(auth::user_id_prefix.size());
        if (event.actor == event.user) event.actor.clear();
        describe(view->winner(edit.id), edit, event);
        told.push_back({at, std::move(event)});
    }
    return told;
}

}  // namespace

Task<storage::EditOutcomes> write_edits_audited(Call& call, std::vector<storage::Edit> edits) {
    auto told = user_changes(call, edits);
    auto outcomes = co_await write_edits(call.services, call.db(), std::move(edits));
    for (auto& [edit, event] : told) {
        event.ok = outcomes.has_value() && (*outcomes)[edit].has_value();
        call.services.audit.record(std::move(event));
    }
    co_return outcomes;
}

}  // namespace divan::server
