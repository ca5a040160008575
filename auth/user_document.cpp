#include "auth/user_document.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "auth/permissions.h"

// CouchDB's rules on user documents are a JavaScript function that it keeps in `_design/_auth` of
// the users database. Here they are the server's own, so that no edit of a design document takes
// them away. The order of the checks is the function's: the first that fails is told.

namespace divan::auth {
namespace {

// What of a document says how its password is kept, or is a password.
constexpr std::array<std::string_view, 8> password_members = {
    "derived_key", "iterations",    "password",   "password_scheme",
    "password_sha", "preserve_salt", "pbkdf2_prf", "salt"};

Error forbidden(std::string reason) {
    return {Code::forbidden, std::move(reason), {}};
}

// JavaScript's truth.
bool is_true(const JsonValue* value) {
    if (!value) return false;
    switch (value->kind()) {
        case JsonValue::Kind::null: return false;
        case JsonValue::Kind::boolean: return value->boolean();
        case JsonValue::Kind::number: return value->number().value_or(1) != 0;
        case JsonValue::Kind::string: return !value->string().empty();
        case JsonValue::Kind::array:
        case JsonValue::Kind::object: break;
    }
    return true;
}

bool is_text(const JsonValue* value, std::string_view text) {
    return value && value->is_string() && value->string() == text;
}

std::optional<std::string> name_of(const JsonValue& document) {
    const JsonValue* name = document.find("name");
    if (!name || !name->is_string()) return std::nullopt;
    return name->string();
}

Result<void> check_deletion(const Identity& who, const UserEdit& edit) {
    const auto owner = edit.old ? name_of(*edit.old) : std::nullopt;
    const bool own = owner && !who.name.empty() && *owner == who.name;
    if (who.server_admin() || own) return {};
    return forbidden("Only admins may delete other user docs.");
}

Result<void> check_roles_form(const JsonValue* roles) {
    if (!is_true(roles)) return forbidden("doc.roles must exist");
    if (!roles->is_array()) return forbidden("doc.roles must be an array");
    const auto items = roles->items();
    const bool texts = std::all_of(items.begin(), items.end(),
                                   [](const JsonValue& role) { return role.is_string(); });
    if (!texts) return forbidden("doc.roles can only contain strings");
    return {};
}

Result<void> check_identity(const UserEdit& edit) {
    const auto name = name_of(edit.document);
    if (!name || edit.id != std::string(user_id_prefix) + *name) {
        return forbidden("Doc ID must be of the form org.couchdb.user:name");
    }
    if (edit.old && name_of(*edit.old) != name) {
        return forbidden("Usernames can not be changed.");
    }
    return {};
}

bool is_known_scheme(const JsonValue& document) {
    const JsonValue* scheme = document.find("password_scheme");
    if (!is_true(scheme)) return true;
    for (const std::string_view known : {"simple", "pbkdf2", "simple+pbkdf2"}) {
        if (is_text(scheme, known)) return true;
    }
    return read_user_password(document).scheme == PasswordHash::Scheme::bcrypt;
}

Result<void> check_password(const JsonValue& document) {
    if (is_true(document.find("password_sha")) && !is_true(document.find("salt"))) {
        return forbidden("Users with password_sha must have a salt."
                         "See /_utils/script/couch.js for example code.");
    }
    const JsonValue* scheme = document.find("password_scheme");
    if (!is_known_scheme(document)) {
        const auto name = scheme->is_string() ? scheme->string() : scheme->dump();
        return forbidden("Password scheme `" + name + "` not supported.");
    }
    if (!is_text(scheme, "pbkdf2")) return {};
    const JsonValue* iterations = document.find("iterations");
    if (!iterations || !iterations->is_number()) {
        return forbidden("iterations must be a number.");
    }
    const JsonValue* key = document.find("derived_key");
    if (!key || !key->is_string()) return forbidden("derived_key must be a string.");
    return {};
}

std::vector<std::string> sorted_roles(const JsonValue& document) {
    std::vector<std::string> sorted;
    if (const JsonValue* roles = document.find("roles")) {
        for (const JsonValue& role : roles->items()) sorted.push_back(role.dump());
    }
    std::sort(sorted.begin(), sorted.end());
    return sorted;
}

// What whoever is no admin may change.
Result<void> check_author(const Identity& who, const UserEdit& edit) {
    if (!edit.old) {
        if (!edit.document.find("roles")->items().empty()) {
            return forbidden("Only _admin may set roles");
        }
        return {};
    }
    if (who.name.empty() || who.name != name_of(edit.document)) {
        return forbidden("You may only update your own user document.");
    }
    if (sorted_roles(*edit.old) != sorted_roles(edit.document)) {
        return forbidden("Only _admin may edit roles");
    }
    return {};
}

Result<void> check_reserved(const JsonValue& document) {
    for (const JsonValue& role : document.find("roles")->items()) {
        if (role.string().starts_with('_') && role.string() != "_metrics") {
            return forbidden("No system roles (starting with underscore) in users db.");
        }
    }
    const std::string& name = document.find("name")->string();
    if (name.starts_with('_')) return forbidden("Username may not start with underscore.");
    if (name.find(':') != std::string::npos) {
        return forbidden("Character `:` is not allowed in usernames.");
    }
    return {};
}

}  // namespace

std::string users_database(const ReadSetting& setting) {
    return setting("chttpd_auth", "authentication_db").value_or("_users");
}

std::string_view user_of_document(std::string_view id) {
    if (!id.starts_with(user_id_prefix)) return {};
    return id.substr(user_id_prefix.size());
}

Result<void> validate_user_document(const Identity& who, std::string_view security_json,
                                    const UserEdit& edit) {
    if (edit.deleted) return check_deletion(who, edit);
    if (!is_text(edit.document.find("type"), "user")) return forbidden("doc.type must be user");
    if (!is_true(edit.document.find("name"))) return forbidden("doc.name is required");
    auto judged = check_roles_form(edit.document.find("roles"));
    if (judged.has_value()) judged = check_identity(edit);
    if (judged.has_value()) judged = check_password(edit.document);
    if (judged.has_value() && !is_database_admin(who, security_json)) {
        judged = check_author(who, edit);
    }
    if (judged.has_value()) judged = check_reserved(edit.document);
    return judged;
}

std::string with_password(const JsonValue& document, const PasswordHash& hash) {
    const bool simple = hash.scheme == PasswordHash::Scheme::simple;
    std::string text = R"({"password_scheme":)";
    append_json_string(text, simple ? "simple" : "pbkdf2");
    if (!simple) text += R"(,"pbkdf2_prf":)" + json_string(hash.prf);
    text += R"(,"salt":)" + json_string(hash.salt);
    if (!simple) text += R"(,"iterations":)" + std::to_string(hash.iterations);
    text += simple ? R"(,"password_sha":)" : R"(,"derived_key":)";
    append_json_string(text, hash.key);
    for (const auto& [key, value] : document.members()) {
        const bool dropped = std::find(password_members.begin(), password_members.end(), key) !=
                             password_members.end();
        if (dropped) continue;
        text.push_back(',');
        append_json_string(text, key);
        text.push_back(':');
        value.dump_to(text);
    }
    text.push_back('}');
    return text;
}

}  // namespace divan::auth
