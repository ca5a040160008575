#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/json.h"
#include "storage/database/catalog.h"

namespace divan::replication {

/// `_replicator`, and every database whose name ends in "/_replicator".
bool holds_replications(std::string_view database);

/// Members of a replication document that the replicator writes; an empty value takes one away.
/// Values are JSON texts.
using StateFields = std::vector<std::pair<std::string, std::string>>;
StateFields completed_fields(std::string stats_json);
StateFields failed_fields(std::string_view reason);
StateFields triggered_fields(std::string_view replication_id);
StateFields error_fields(std::string_view reason, std::string_view replication_id);
StateFields no_fields();

/// `body` with these members changed (couch_replicator_docs:update_rep_doc/4): where the state
/// becomes another, `_replication_state_time` says so.
std::string with_state(const JsonValue& body, const StateFields& fields, std::int64_t now);

/// Writes them into a document, over whoever else writes it meanwhile. A document or database that
/// is gone is left alone. Blocks on the disk. Rules on writes do not apply to the replicator.
void write_state(storage::Catalog& catalog, std::string_view database, std::string_view id,
                 const StateFields& fields, std::int64_t now);

}  // namespace divan::replication
