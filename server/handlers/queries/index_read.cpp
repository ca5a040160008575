#include "server/handlers/queries/index_read.h"

#include "server/index_wait.h"

namespace divan::server {
namespace {

bool is_current(const storage::IndexReading& reading, const storage::DatabaseState& state) {
    return reading.head.sequence >= state.update_sequence &&
           reading.head.purge_sequence >= state.purge_sequence;
}

}  // namespace

Task<std::shared_ptr<const storage::IndexReading>> read_index(std::shared_ptr<storage::Index> index,
                                                              storage::DatabaseState state,
                                                              RowQuery::Update update) {
    auto reading = index->read();
    if (is_current(*reading, state)) co_return reading;
    if (update == RowQuery::Update::lazy) index->update();
    if (update == RowQuery::Update::yes) {
        co_await index_at(*index, state.update_sequence);
        reading = index->read();
    }
    co_return reading;
}

}  // namespace divan::server
