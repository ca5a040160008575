#pragma once

#include <functional>
#include <memory>

#include "replication/loop_run.h"
#include "storage/base/async/io_loop.h"
#include "storage/base/setting.h"
#include "storage/base/metrics.h"

namespace divan::replication {

/// Opens a database of this server as somebody.
using OpenLocal = std::function<std::unique_ptr<Peer>(const Endpoint& endpoint,
                                                      const Identity& who)>;

/// Peers of one loop: a name is a database here, an address is another server, or this one over
/// HTTP. `loop`, `pool` and `metrics` outlive what it gives.
MakePeer peer_maker(IoLoop& loop, WorkPool& pool, const ReadSetting& setting,
                    ReplicationMetrics& metrics, OpenLocal open_local);

}  // namespace divan::replication
