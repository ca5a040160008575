#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/handlers/changes/changes_feed.h"
#include "server/http/request.h"
#include "storage/base/ids.h"
#include "storage/database/database.h"

namespace divan::server {

/// The parameters of `_changes`: chttpd_db:parse_changes_query/1. Unlike elsewhere the case of
/// names does not matter, and a boolean other than "true" is false.
struct ChangesQuery {
    /// Where nothing was asked for; CouchDB's number shows in which rows `seq_interval` picks.
    static constexpr std::uint64_t no_limit = 1'000'000'000'000'000;

    std::string feed = "normal";
    std::string filter;
    std::string since = "0";
    FeedTimes times;
    std::uint64_t limit = no_limit;
    std::uint64_t seq_interval = 1;
    bool descending = false;
    bool all_leaves = false;  ///< `style=all_docs`
    bool include_docs = false;
    bool conflicts = false;
    bool attachments = false;
    bool att_encoding_info = false;
};

/// Throws `Refused` with chttpd's sentences.
ChangesQuery parse_changes_query(const Request& request);

/// Throws `Refused` where `feed` is none.
FeedKind feed_kind(const ChangesQuery& query);

/// Where the feed starts. Throws `Refused` where `since` is malformed.
Sequence start_of(const ChangesQuery& query, const storage::Database& database);

}  // namespace divan::server
