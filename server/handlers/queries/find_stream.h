#pragma once

#include "server/http/response.h"
#include "storage/base/async/task.h"
#include "server/routes.h"
#include "storage/query/mango/find_options.h"

namespace divan::server {

/// Finds, and answers as CouchDB lays it out. What one step brings is an answer of known length; a
/// longer one is made while it is sent, by several steps at a time where the database is walked.
/// Throws `Refused` where no index serves the query.
Task<Response> answer_find(Call& call, const storage::mango::FindOptions& options);

}  // namespace divan::server
