#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "replication/peer.h"
#include "server/handlers/changes/changes_picker.h"
#include "server/routes.h"
#include "storage/base/async/signal.h"

namespace divan::server {

/// The changes of a database of this server. Waits on its bell, and holds no thread meanwhile.
class LocalFeed final : public replication::ChangesFeed {
public:
    /// `filter` and `since` as the query says. `services` outlives it.
    LocalFeed(Services& services, std::shared_ptr<storage::Database> database,
              ChangesFilter filter, Sequence since, const replication::ChangesQuery& query);
    ~LocalFeed() override;

    Task<replication::ChangesBatch> next(std::size_t rows_max) override;
    void cancel() override;

private:
    /// What a walk came to.
    enum class Filled : std::uint8_t { rows, nothing_passed, drained };
    Filled fill(std::size_t rows_max, replication::ChangesBatch& batch);
    void take(replication::ChangesBatch& batch);
    void check_alive() const;

    Services& services_;
    const std::shared_ptr<storage::Database> database_;
    const bool continuous_;
    ChangesPicker picker_;
    Sequence at_;
    Sequence told_;  ///< The last sequence that a batch named.
    bool cancelled_ = false;
    Signal signal_;
    std::uint64_t subscription_;
};

/// Reads a query's filter as `_changes` does, asked by `call`, whose request it replaces: functions
/// see that. Blocks. Throws `Refused`.
ChangesFilter replication_filter(Call& call, const replication::ChangesQuery& query);

}  // namespace divan::server
