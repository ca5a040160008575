#pragma once

#include <string>
#include <string_view>

#include "auth/password.h"
#include "storage/base/error.h"
#include "storage/base/identity.h"
#include "storage/base/json.h"

namespace divan::auth {

/// The id of a user's document is this and the name.
inline constexpr std::string_view user_id_prefix = "org.couchdb.user:";

/// `[chttpd_auth] authentication_db`: "_users".
std::string users_database(const ReadSetting& setting);

/// The name of the user whose document has this id; empty where it is nobody's.
std::string_view user_of_document(std::string_view id);

/// An edit of a user document, as the rules judge it.
struct UserEdit {
    std::string_view id;
    bool deleted = false;
    const JsonValue& document;        ///< Without "_" members.
    const JsonValue* old = nullptr;   ///< The revision that it is made from; null for a new one.
};
/// Refuses with `forbidden` and CouchDB's sentences what its `_design/_auth` refuses: who may
/// write which user document, and what it must have. `security_json` is that of the database.
Result<void> validate_user_document(const Identity& who, std::string_view security_json,
                                    const UserEdit& edit);

/// The document with another password, or rather its hash: these members first, the others as
/// they were, but without `password` (couch_users_db:save_doc/1).
std::string with_password(const JsonValue& document, const PasswordHash& hash);

}  // namespace divan::auth
