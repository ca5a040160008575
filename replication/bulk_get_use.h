#pragma once

#include <chrono>
#include <cstddef>

#include "replication/peer.h"

namespace divan::replication {

/// Whether to ask a source by `_bulk_get`: not where most of what was asked for had to be asked for
/// again singly, as for its attachments. It is tried again now and then (couch_replicator_worker,
/// whose numbers these are). One thread.
class BulkGetUse {
public:
    using Time = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::seconds try_again_after{37};
    static constexpr double failures_max = 0.5;

    explicit BulkGetUse(bool allowed) : allowed_(allowed) {}

    bool due(Time now) const {
        return allowed_ && (failures_ <= failures_max || now - last_ > try_again_after);
    }
    /// So many revisions came of those that were asked for.
    void answered(std::size_t asked, std::size_t came, Time now) {
        constexpr double weight = 0.25;
        if (asked == 0) return;
        const auto part = static_cast<double>(asked - came) / static_cast<double>(asked);
        failures_ += weight * (part - failures_);
        last_ = now;
        counts_.attempts += asked;
        counts_.documents += came;
    }
    /// The peer has no such thing, for now: one good answer makes it good again.
    void refused(std::size_t asked, Time now) {
        failures_ = failures_max + 0.1;
        last_ = now;
        counts_.attempts += asked;
    }
    const BulkGetCounts& counts() const { return counts_; }

private:
    bool allowed_;
    double failures_ = 0;  ///< A moving average of the part that did not come.
    Time last_{};
    BulkGetCounts counts_;
};

}  // namespace divan::replication
