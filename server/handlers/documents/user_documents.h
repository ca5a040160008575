#pragma once

#include <optional>
#include <string_view>

#include "server/handlers/documents/admission.h"
#include "server/routes.h"

namespace divan::server {

/// Whether the database is one of user documents (`_users`).
bool holds_users(const Services& services, const storage::Database& database);

/// Refuses `not_found` where a user would write what is not the own document
/// (couch_users_db:before_doc_update/3). Passes in every other database.
Result<void> check_user_writer(const EditContext& context, std::string_view id);
/// The same, and replaces a password by its hash. Slow.
Result<void> prepare_user_document(const EditContext& context, storage::Edit& edit);
/// `auth::validate_user_document`, of documents of the users database that are no design document.
Result<void> judge_user_document(const EditContext& context, ProposedEdit& proposed);

/// Whether the caller sees user documents like any others: in other databases, and as its admin.
bool sees_all_users(const Call& call);
/// Refuses what `couch_users_db:after_doc_read/2` hides from this caller: `not_found` for another
/// user's document, `forbidden` for a design document.
Result<void> check_user_reader(const Call& call, std::string_view id);
/// A `_find` request that finds what this one does, of the caller's own document alone.
JsonValue only_own_document(const Call& call, const JsonValue& request);
/// Of another user's document the members that `[chttpd_auth] public_fields` names. Empty where
/// the caller sees the document as it is, or it is hidden altogether.
std::optional<Response> public_user_reply(const Call& call, std::string_view id);

}  // namespace divan::server
