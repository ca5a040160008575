#pragma once

#include <optional>
#include <string_view>

#include "server/handlers/documents/admission.h"
#include "server/routes.h"

namespace divan::server {

// Documents of `_replicator` and of databases whose name ends in "/_replicator": they hold
// credentials, and belong to who wrote them. CouchDB: couch_replicator_docs.

/// Puts the writer's name into `owner`, and refuses (`forbidden`) what is another's or no
/// replication.
Result<void> prepare_replication_document(const EditContext& context, storage::Edit& edit);
/// Refuses to change or delete another's document, whatever the new revision says, unless to
/// admins of the database.
Result<void> judge_replication_document(const EditContext& context, ProposedEdit& proposed);

/// What others see of a document than its owner and admins: no credentials, and a revision that is
/// made up. Empty where the caller sees it as it is.
std::optional<Response> stripped_replication_reply(const Call& call, std::string_view id);

}  // namespace divan::server
