#pragma once

#include <string_view>

#include "storage/base/error.h"
#include "storage/base/identity.h"

namespace divan::auth {

/// `_security` read once: names and roles of admins and members. Pure.
/// CouchDB: couch_db:check_is_member/1, check_is_admin/1.
Result<void> check_member(const Identity& who, std::string_view security_json);
bool is_database_admin(const Identity& who, std::string_view security_json);

}  // namespace divan::auth
