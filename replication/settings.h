#pragma once

#include <chrono>

#include "replication/options.h"
#include "replication/scheduler.h"
#include "storage/base/setting.h"

namespace divan::replication {

// `[replicator]` of the configuration, as it is now.

Rules read_rules(const ReadSetting& read);
SchedulerSettings read_scheduler_settings(const ReadSetting& read);
/// `max_document_id_length`, in bytes; 0: any.
std::size_t read_document_id_max(const ReadSetting& read);
/// `missing_doc_retry_msec`.
std::chrono::milliseconds read_missing_document_retry(const ReadSetting& read);

}  // namespace divan::replication
