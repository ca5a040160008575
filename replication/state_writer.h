#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "replication/document_state.h"
#include "storage/base/async/event_loop.h"
#include "storage/base/clock.h"

namespace divan::replication {

/// Writes states into replication documents, on a pool. Those of one document are written one after
/// the other, in the order in which they came; what fails is logged. Any thread.
class StateWriter {
public:
    using Key = std::pair<std::string, std::string>;  ///< Database, document id.

    /// All of them outlive it.
    StateWriter(storage::Catalog& catalog, const Clock& clock, WorkPool& pool)
        : catalog_(catalog), clock_(clock), pool_(pool) {}
    ~StateWriter() { finish(); }
    StateWriter(const StateWriter&) = delete;
    StateWriter& operator=(const StateWriter&) = delete;

    void write(const Key& key, StateFields fields);
    /// Waits until all is written.
    void finish();

private:
    struct State {
        StateFields fields;
        std::int64_t time = 0;
    };
    void drain(const Key& key);

    storage::Catalog& catalog_;
    const Clock& clock_;
    WorkPool& pool_;
    std::mutex mutex_;
    std::condition_variable idle_;
    std::map<Key, std::deque<State>> waiting_;  ///< The first of each is being written.
};

}  // namespace divan::replication
