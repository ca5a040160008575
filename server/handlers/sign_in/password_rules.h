#pragma once

#include <string_view>

#include "storage/base/error.h"
#include "storage/base/setting.h"

namespace divan::server {

/// Holds a new password to `[chttpd_auth] password_regexp`: an Erlang list of expressions, all of
/// which must match, each a string or a tuple of it and of what the user is told. Refuses with
/// `bad_request`; with `forbidden` where the setting cannot be read.
///
/// CouchDB: couch_users_db:validate_password/1.
Result<void> check_password_rules(std::string_view password, const ReadSetting& setting);

}  // namespace divan::server
