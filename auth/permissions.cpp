#include "auth/permissions.h"

#include <optional>
#include <string>

#include "storage/base/json.h"

namespace divan::auth {
namespace {

// An older CouchDB called the members "readers"; that counts only where there are no "members".
const JsonValue* members_of(const JsonValue& security) {
    const JsonValue* members = security.find("members");
    return members ? members : security.find("readers");
}

/// The list `key` of a group, null where the group or the list is absent.
const JsonValue* list_of(const JsonValue* group, std::string_view key) {
    return group ? group->find(key) : nullptr;
}

bool is_empty(const JsonValue* list) {
    return !list || list->items().empty();
}

bool lists(const JsonValue* list, std::string_view text) {
    if (!list) return false;
    for (const JsonValue& item : list->items()) {
        if (item.is_string() && item.string() == text) return true;
    }
    return false;
}

bool belongs(const Identity& who, const JsonValue* group) {
    if (who.server_admin()) return true;
    const JsonValue* roles = list_of(group, "roles");
    for (const std::string& role : who.roles) {
        if (lists(roles, role)) return true;
    }
    return !who.name.empty() && lists(list_of(group, "names"), who.name);
}

Result<JsonValue> parse_security(std::string_view json) {
    return parse_json(json.empty() ? default_security_json : json);
}

bool is_member(const Identity& who, const JsonValue& security) {
    if (belongs(who, security.find("admins"))) return true;
    const JsonValue* members = members_of(security);
    const bool everyone = is_empty(list_of(members, "names")) &&
                          is_empty(list_of(members, "roles"));
    return everyone || belongs(who, members);
}

Result<void> validate_group(const JsonValue* group) {
    if (!group) return {};
    if (!group->is_object()) {
        return Error{Code::bad_request, "admins or members must be a JSON list of strings", {}};
    }
    for (const std::string_view key : {"names", "roles"}) {
        const JsonValue* list = group->find(key);
        if (!list) continue;
        bool good = list->is_array();
        for (const JsonValue& item : list->items()) good = good && item.is_string();
        if (!good) {
            return Error{Code::bad_request,
                         std::string(key) + " must be a JSON list of strings", {}};
        }
    }
    return {};
}

}  // namespace

Result<void> check_member(const Identity& who, std::string_view security_json) {
    if (who.server_admin()) return {};
    const auto security = parse_security(security_json);
    if (security.has_value() && is_member(who, *security)) return {};
    if (who.name.empty()) {
        return Error{Code::unauthorized, "You are not authorized to access this db.", {}};
    }
    return Error{Code::forbidden, "You are not allowed to access this db.", {}};
}

bool is_database_admin(const Identity& who, std::string_view security_json) {
    if (who.server_admin()) return true;
    const auto security = parse_security(security_json);
    return security.has_value() && belongs(who, security->find("admins"));
}

Result<void> validate_security(std::string_view security_json) {
    const auto security = parse_json(security_json);
    if (security.has_error()) return security.error();
    if (!security->is_object()) {
        return Error{Code::bad_request, "The security object must be a JSON object.", {}};
    }
    for (const JsonValue* group : {security->find("admins"), members_of(*security)}) {
        const auto judged = validate_group(group);
        if (judged.has_error()) return judged;
    }
    return {};
}

}  // namespace divan::auth
