#include "replication/progress.h"

#include <algorithm>

namespace divan::replication {

void ReplicationCounts::raise_to(const ReplicationCounts& other) {
    constexpr std::uint64_t ReplicationCounts::* members[] = {
        &ReplicationCounts::revisions_checked, &ReplicationCounts::missing_revisions_found,
        &ReplicationCounts::docs_read,         &ReplicationCounts::docs_written,
        &ReplicationCounts::doc_write_failures, &ReplicationCounts::bulk_get_docs,
        &ReplicationCounts::bulk_get_attempts,
    };
    for (const auto member : members) this->*member = std::max(this->*member, other.*member);
}

JobProgress ProgressBoard::read() const {
    const std::lock_guard lock(mutex_);
    return progress_;
}

}  // namespace divan::replication
