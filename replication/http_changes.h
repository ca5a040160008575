#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "replication/http/client.h"
#include "replication/http_pending.h"
#include "replication/row_splitter.h"

namespace divan::replication {

/// `_changes` of a peer, read as it arrives. A connection that breaks is made anew, from the last
/// row on. Waits cost nothing but the connection: the peer sends an empty line now and then.
class HttpChangesFeed : public ChangesFeed {
public:
    /// `client` outlives it.
    HttpChangesFeed(HttpClient& client, ChangesQuery query);

    Task<ChangesBatch> next(std::size_t rows_max) override;
    void cancel() override { cancellation_.request(); }

private:
    Task<void> open();
    Task<bool> read(bool may_wait, bool& lost);
    bool asks_pending(const ChangesBatch& batch) const;
    void take_rows(ChangesBatch& batch, std::size_t rows_max);
    void take_row(std::string_view row, ChangesBatch& batch);
    void take_end(std::string_view frame, ChangesBatch& batch);
    void close();
    HttpRequest request();
    Task<void> back_off(unsigned tries) { return client_.back_off(tries, cancellation_); }

    HttpClient& client_;
    Cancellation cancellation_;
    PendingChanges pending_;
    ChangesQuery query_;  ///< `since` goes along with what was read.
    std::unique_ptr<HttpAnswer> answer_;
    std::unique_ptr<RowSplitter> splitter_;
    std::chrono::steady_clock::time_point opened_;
    unsigned failures_ = 0;  ///< In a row.
    bool ended_ = false;
    bool begun_ = false;
};

}  // namespace divan::replication
