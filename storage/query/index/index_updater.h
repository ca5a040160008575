#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "storage/database/body_walk.h"
#include "storage/database/changes.h"
#include "storage/query/index/index_store.h"

namespace divan::storage {

class MapStage;
struct MapLot;

/// How much a step of an update does at once.
struct UpdateLimits {
    std::size_t map_documents = 500;             ///< Given to the mapper together.
    std::size_t map_bytes = 1U << 20;            ///< The same, of JSON.
    std::size_t batch_documents = 50'000;        ///< Written together, at the most.
    std::size_t batch_bytes = 16U << 20;         ///< The same, of rows.
    std::chrono::milliseconds batch_time{2000};  ///< After this long what there is gets written.
};

/// Brings one index up to date with its database: reads changes, maps the winners, writes their
/// rows. While some documents are mapped the next are read, and while one batch is written the next
/// one is mapped. One thread at a time.
class IndexUpdater {
public:
    IndexUpdater(std::shared_ptr<Database> database,
                 std::shared_ptr<const IndexDefinition> definition, UpdateLimits limits = {});
    ~IndexUpdater();

    /// Looks how much there is to do: sets `changes_total`. Throws as `run`, which does it
    /// otherwise.
    void begin();
    /// Goes on for about `time`, or until `stopped` says so. True where the index has everything
    /// that the database has. Throws what the mapper and the reducers throw,
    /// and `Refused` with `not_found` where the database was deleted.
    bool run(std::chrono::milliseconds time, const std::function<bool()>& stopped);

    const IndexHead& head() const { return store_.head(); }
    /// Of the pass under way, which is through the changes there were when it began.
    std::uint64_t changes_done() const { return done_; }
    std::uint64_t changes_total() const { return total_; }

private:
    struct Pass;
    struct Mapped;

    bool up_to_date() const;
    void begin_pass();
    void remove_purged(const ReadView& view);
    std::unique_ptr<Mapped> map_batch();
    std::vector<Change> read_group(Mapped& out, std::size_t size);
    std::size_t map_group(const std::vector<Change>& group, MapLot& lot, MapStage& stage);
    std::vector<std::pair<const Change*, StoredBody>> read_bodies(
        std::span<const Change* const> changes, std::optional<BodyWalk>& walk) const;
    std::size_t add_text(MapLot& lot, const Change& change, const StoredBody& body) const;

    std::shared_ptr<Database> database_;
    std::shared_ptr<const IndexDefinition> definition_;
    const UpdateLimits limits_;
    IndexStore store_;
    std::unique_ptr<Pass> pass_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
};

}  // namespace divan::storage
