#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/routes.h"

namespace divan::server {

Task<Response> get_scheduler_jobs(Call& call);
Task<Response> get_scheduler_job(Call& call);
/// `_scheduler/docs`, `_scheduler/docs/DB` and `_scheduler/docs/DB/DOC`; the slashes of DB may be
/// escaped or not.
Task<Response> get_scheduler_docs(Call& call);
/// What is below `_scheduler` and is nothing.
Task<Response> get_no_scheduler(Call& call);

/// Which database, and perhaps which document in it, the rest of the path means. Empty where that
/// is no database of replications (couch_replicator_httpd:parse_unquoted_docs_path/1).
struct SchedulerDocsPath {
    std::string database;
    std::optional<std::string> id;
};
std::optional<SchedulerDocsPath> parse_scheduler_docs_path(const std::vector<std::string>& parts);

/// The `states` of a query, in lower case; throws `Refused` where one is none.
std::vector<std::string> parse_replication_states(const std::string* parameter);

}  // namespace divan::server
