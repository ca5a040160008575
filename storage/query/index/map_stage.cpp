#include "storage/query/index/map_stage.h"

#include <future>

namespace divan::storage {

namespace {

constexpr std::size_t lots_at_once = 2;

}  // namespace

struct MapStage::Running {
    explicit Running(MapLot given) : lot(std::move(given)) {
        for (const auto& [id, json] : lot.documents) documents.push_back({id, json});
    }

    MapLot lot;
    std::vector<MapDocument> documents;
    std::future<MappedRows> rows;  // Last: the call ends before what it reads goes.
};

MapStage::MapStage(Mapper& mapper, RowBatch& rows) : mapper_(mapper), rows_(rows) {}

MapStage::~MapStage() = default;

void MapStage::begin(MapLot lot) {
    if (running_.size() == lots_at_once) take_rows();
    auto& added = *running_.emplace_back(std::make_unique<Running>(std::move(lot)));
    added.rows =
        std::async(std::launch::async, [this, &added] { return mapper_.map(added.documents); });
}

void MapStage::finish(MapLot lot) {
    auto& last = *running_.emplace_back(std::make_unique<Running>(std::move(lot)));
    last.rows =
        std::async(std::launch::deferred, [this, &last] { return mapper_.map(last.documents); });
    while (!running_.empty()) take_rows();
}

void MapStage::take_rows() {
    const auto first = std::move(running_.front());
    running_.pop_front();
    for (const auto& id : first->lot.deleted) rows_.add_document(id);
    if (first->documents.empty()) return;
    rows_.begin_group();
    for (const auto& [id, json] : first->lot.documents) rows_.add_document(id);
    first->rows.get()(rows_);
}

}  // namespace divan::storage
