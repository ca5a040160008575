#pragma once

#include <functional>
#include <memory>

#include "replication/job_run.h"
#include "replication/job_settings.h"
#include "replication/peer.h"
#include "storage/base/async/event_loop.h"
#include "storage/base/clock.h"
#include "storage/base/metrics.h"

namespace divan::replication {

/// Makes one end of a replication. Called on the loop that the peer will be used on; throws
/// `PeerFailure`.
using MakePeer =
    std::function<std::unique_ptr<Peer>(const Endpoint& endpoint, const Replication& of)>;

/// What a `Job` is made of, from what was asked for.
JobSettings job_settings(const JobRequest& request, const ReplicationCounts& counted);

/// Runs a `Job` on `loop`. See `LaunchJob` for the rest. `loop`, `clock` and `metrics` outlive the
/// run.
std::shared_ptr<JobRun> run_on_loop(EventLoop& loop, MakePeer make_peer,
                                    std::shared_ptr<const JobRequest> request,
                                    JobSettings settings, const Clock& clock,
                                    ReplicationMetrics& metrics,
                                    std::function<void(RunEnd)> ended);

}  // namespace divan::replication
