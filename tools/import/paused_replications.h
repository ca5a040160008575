#pragma once

#include <memory>

#include "tools/import/source.h"
#include "tools/import/target.h"

namespace divan::import {

/// `database` as it is, unless it is a `_replicator` one: then every replication in it that the old
/// server would run is given one revision more, which says that it failed, so that no server starts
/// it. That revision is the same every time. Its `_replication_state` taken out again, it runs.
///
/// CouchDB leaves such documents alone: couch_replicator_doc_processor:process_change/2.
std::unique_ptr<SourceDatabase> with_paused_replications(std::unique_ptr<SourceDatabase> database);

/// What an earlier import paused, and the source went on with since, so that the revision of the
/// pause stands beside the source's: to be taken away. `there` are the target's documents.
std::vector<MissingLeaves> outdated_pauses(const std::vector<Document>& source,
                                           const std::vector<Document>& there);

/// Whether a database of this name holds replications: "_replicator", "x/_replicator".
bool is_replicator_database(std::string_view name);

}  // namespace divan::import
