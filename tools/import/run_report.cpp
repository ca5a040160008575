#include <algorithm>

#include "tools/import/run.h"

namespace divan::import {

bool RunReport::finished() const {
    return !too_many_failures && std::all_of(databases.begin(), databases.end(),
                                             [](const auto& one) { return one.error.empty(); });
}

std::uint64_t RunReport::failures() const {
    std::uint64_t count = 0;
    for (const auto& database : databases) {
        count += database.failure_count + (database.error.empty() ? 0 : 1);
    }
    return count;
}

std::uint64_t RunReport::created() const {
    std::uint64_t count = 0;
    for (const auto& database : databases) count += database.created;
    return count;
}

void RunReport::add(RunReport round) {
    too_many_failures = too_many_failures || round.too_many_failures;
    for (auto& later : round.databases) {
        const auto one = std::find_if(databases.begin(), databases.end(), [&](const auto& other) {
            return other.name == later.name;
        });
        if (one == databases.end()) {
            databases.push_back(std::move(later));
            continue;
        }
        one->documents += later.documents;
        one->leaves += later.leaves;
        one->created += later.created;
        one->attachments += later.attachments;
        one->bytes += later.bytes;
        one->skipped += later.skipped;
        one->purges += later.purges;
        one->checkpoints_removed += later.checkpoints_removed;
        one->locals_left = std::move(later.locals_left);
        one->locals_left_count = later.locals_left_count;
        one->failure_count += later.failure_count;
        for (auto& failure : later.failures) {
            if (one->failures.size() == DatabaseReport::failures_kept) break;
            one->failures.push_back(std::move(failure));
        }
        one->error = later.error;  // a round that went well makes up for one that did not
    }
}

}  // namespace divan::import
