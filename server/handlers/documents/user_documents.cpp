#include "server/handlers/documents/user_documents.h"

#include <algorithm>

#include "auth/permissions.h"
#include "auth/session_rules.h"
#include "auth/user_document.h"
#include "server/config/config.h"
#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_reply.h"
#include "server/handlers/sign_in/password_rules.h"
#include "storage/base/random.h"
#include "storage/document/design_document.h"

namespace divan::server {
namespace {

Error missing() {
    return {Code::not_found, "missing", {}};
}

bool is_admin(const Identity& who, const storage::Database& database) {
    return who.server_admin() || auth::is_database_admin(who, database.settings()->security);
}

// "nick, name" → the members that anybody may see.
std::vector<std::string> public_fields(const Config& config) {
    const auto setting = read_auth_setting(setting_reader(config), "public_fields");
    std::vector<std::string> fields;
    std::string_view rest = setting ? std::string_view(*setting) : std::string_view();
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        auto field = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        while (field.starts_with(' ')) field.remove_prefix(1);
        while (field.ends_with(' ')) field.remove_suffix(1);
        if (!field.empty()) fields.emplace_back(field);
    }
    return fields;
}

std::string public_members(const storage::StoredBody& body,
                           const std::vector<std::string>& fields) {
    std::string text;
    const auto document = parse_json(body.text()).value();
    for (const auto& [key, value] : document.members()) {
        if (std::find(fields.begin(), fields.end(), key) == fields.end()) continue;
        text.push_back(',');
        append_json_string(text, key);
        text.push_back(':');
        value.dump_to(text);
    }
    return text;
}

/// The salt that the new hash gets: a fresh one, unless the client asks to keep the one it sends.
Result<std::string> salt_for(const JsonValue& document) {
    const JsonValue* preserve = document.find("preserve_salt");
    const bool keep = preserve && preserve->is_bool() && preserve->boolean();
    const JsonValue* salt = keep ? document.find("salt") : nullptr;
    if (!salt) return random_uuid();
    if (salt->is_string()) return salt->string();
    return Error{Code::forbidden, "Salt value of '" + salt->dump() + "' is invalid.", {}};
}

}  // namespace

bool holds_users(const Services& services, const storage::Database& database) {
    return services.session_settings.rules()->holds_users(database.name());
}

Result<void> check_user_writer(const EditContext& context, std::string_view id) {
    const auto& who = context.who;
    if (!holds_users(context.services, context.database)) return {};
    if (who.name.empty() || is_admin(who, context.database)) return {};
    if (who.name == auth::user_of_document(id)) return {};
    return missing();
}

Result<void> prepare_user_document(const EditContext& context, storage::Edit& edit) {
    if (!holds_users(context.services, context.database)) return {};
    auto may = check_user_writer(context, edit.id);
    if (may.has_error()) return may;
    const auto document = parse_json(edit.body).value();
    const JsonValue* password = document.find("password");
    if (!password || password->is_null()) return {};
    if (!password->is_string()) {
        return Error{Code::forbidden,
                     "Password value of '" + password->dump() + "' is invalid.", {}};
    }
    const auto setting = setting_reader(context.services.config);
    auto good = check_password_rules(password->string(), setting);
    if (good.has_error()) return good;
    auto salt = salt_for(document);
    if (salt.has_error()) return salt.error();
    const auto hash = auth::hash_password(password->string(), auth::password_policy(setting),
                                          *std::move(salt));
    if (hash.has_error()) return hash.error();
    return replace_body(edit, auth::with_password(document, *hash));
}

Result<void> judge_user_document(const EditContext& context, ProposedEdit& proposed) {
    const auto& edit = proposed.edit();
    if (storage::is_design_id(edit.id)) return {};
    if (!holds_users(context.services, context.database)) return {};
    const auto settings = context.database.settings();
    const auto* old = proposed.old();
    return auth::validate_user_document(context.who, settings->security,
                                        {edit.id, edit.deleted, proposed.document(), old});
}

bool sees_all_users(const Call& call) {
    return call.identity.server_admin() || !holds_users(call.services, call.db()) ||
           is_admin(call.identity, call.db());
}

Result<void> check_user_reader(const Call& call, std::string_view id) {
    if (sees_all_users(call)) return {};
    if (storage::is_design_id(id)) {
        return Error{Code::forbidden,
                     "Only administrators can view design docs in the users database.", {}};
    }
    const auto owner = auth::user_of_document(id);
    if (!owner.empty() && owner == call.identity.name) return {};
    return missing();
}

JsonValue only_own_document(const Call& call, const JsonValue& request) {
    const auto& name = call.identity.name;
    const std::string own =
        name.empty() ? R"({"$in":[]})"
                     : R"({"$eq":)" + json_string(std::string(auth::user_id_prefix) + name) + "}";
    std::string json = "{";
    for (const auto& [key, value] : request.members()) {
        if (json.size() > 1) json.push_back(',');
        append_json_string(json, key);
        json.push_back(':');
        if (key != "selector" || !value.is_object()) {
            json += value.dump();
        } else if (value.members().empty()) {
            json += R"({"_id":)" + own + "}";
        } else {
            json += R"({"$and":[)" + value.dump() + R"(,{"_id":)" + own + "}]}";
        }
    }
    return parse_json(json + "}").value();
}

std::optional<Response> public_user_reply(const Call& call, std::string_view id) {
    const auto hidden = check_user_reader(call, id);
    if (hidden.has_value() || hidden.error().code != Code::not_found) return std::nullopt;
    const auto fields = public_fields(call.services.config);
    if (fields.empty()) return std::nullopt;
    const auto found = storage::read_winner(call.db(), id);
    if (!found || found->head.deleted) return std::nullopt;
    const auto members = public_members(found->body, fields);
    if (members.empty()) return std::nullopt;

    const auto revision = to_string(found->head.winner);
    std::string json = R"({"_id":)" + json_string(id) + R"(,"_rev":)" + json_string(revision);
    json += members + "}\n";
    auto response = json_response(200, std::move(json));
    add_etag(response, revision);
    return response;
}

}  // namespace divan::server
