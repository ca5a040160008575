#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "replication/http/client.h"

namespace divan::replication {

/// How many changes of a peer come after those that were read: asked for now and then
/// (couch_replicator_api_wrap:get_pending_count/2), and counted down in between. One thread.
class PendingChanges {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// Both outlive it.
    PendingChanges(HttpClient& client, Cancellation& cancellation)
        : client_(client), cancellation_(cancellation) {}

    /// Empty while it is not known, or where the peer does not say.
    const std::optional<std::uint64_t>& value() const { return value_; }
    /// Whether asking now may bring something new. Never soon again, nor while nothing happens.
    bool due(Time now) const;
    /// Those after `since` (JSON text). True where the value is another now. A peer that fails
    /// makes it unknown; throws `PeerFailure` only where it was cancelled.
    Task<bool> ask(std::string since);
    /// So many more were read.
    void read(std::size_t rows);
    /// The peer has said it unasked.
    void told(std::uint64_t pending);

private:
    Task<std::optional<std::uint64_t>> ask_changes(const std::string& since);
    Task<std::optional<std::uint64_t>> ask_numbers(const std::string& since);

    HttpClient& client_;
    Cancellation& cancellation_;
    std::optional<std::uint64_t> value_;
    std::optional<Time> asked_;
    bool stale_ = true;
};

}  // namespace divan::replication
