#pragma once

#include <string_view>

#include "storage/base/error.h"
#include "storage/base/identity.h"

namespace divan::auth {

/// `_security` of a database that none was ever put to: server admins only.
inline constexpr std::string_view default_security_json =
    R"({"members":{"roles":["_admin"]},"admins":{"roles":["_admin"]}})";

/// Who may do what by a database's `_security`: names and roles of admins and members. An empty
/// text counts as `default_security_json`; one that cannot be read admits server admins only. Pure.
///
/// CouchDB: couch_db:check_is_member/1, is_admin/1.
Result<void> check_member(const Identity& who, std::string_view security_json);
bool is_database_admin(const Identity& who, std::string_view security_json);

/// Refuses what CouchDB refuses to store as `_security`. couch_db:validate_security_object/1.
Result<void> validate_security(std::string_view security_json);

}  // namespace divan::auth
