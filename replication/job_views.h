#pragma once

#include <string>
#include <string_view>

#include "replication/scheduler.h"

namespace divan::replication {

// Jobs as CouchDB shows them, JSON objects. `node` is this server's name.

/// A row of `_scheduler/jobs`.
std::string job_json(const JobInfo& job, std::string_view node);
/// A row of `_active_tasks`. The job must have run.
std::string task_json(const JobInfo& job, std::string_view node);
/// A row of `_scheduler/docs`, of a document whose job this is.
std::string document_job_json(const JobInfo& job, std::string_view node);
/// `_replication_stats` of a document whose replication has ended.
std::string completed_stats_json(const JobInfo& job);

}  // namespace divan::replication
