#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/query/index/mapper.h"
#include "storage/query/index/row_batch.h"

namespace divan::storage {

/// Documents that go to a mapper together, and deleted ones, whose rows just go.
struct MapLot {
    std::vector<std::pair<std::string, std::string>> documents;  ///< Ids and JSON.
    std::vector<std::string> deleted;
    std::size_t bytes = 0;  ///< Of JSON.
};

/// Has lots mapped on threads of its own, two at a time, while the caller reads the next one, and
/// takes their rows in order. `mapper` and `rows` must outlive it. One thread at a time.
class MapStage {
public:
    MapStage(Mapper& mapper, RowBatch& rows);
    ~MapStage();

    /// Blocks while as many lots as may be are under way. Throws what the mapper threw at an
    /// earlier one.
    void begin(MapLot lot);
    /// Maps the last lot, beside which nothing is read, on the caller's thread, and takes the rows
    /// of all. Throws as `begin`.
    void finish(MapLot lot);

private:
    struct Running;

    void take_rows();

    Mapper& mapper_;
    RowBatch& rows_;
    std::deque<std::unique_ptr<Running>> running_;
};

}  // namespace divan::storage
