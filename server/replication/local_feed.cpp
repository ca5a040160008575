#include "server/replication/local_feed.h"

#include <chrono>

#include "server/replication/local_failure.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

using replication::ChangesBatch;
using replication::ChangesQuery;
using replication::SourceChange;

/// A filter may drop everything: how many changes are looked at before others get their turn.
constexpr std::size_t examined_max = 8192;
constexpr std::chrono::hours long_wait{24};

ChangesPicker::Wish wish_of(const ChangesQuery& query) {
    ChangesPicker::Wish wish;
    wish.all_leaves = !query.winning_revisions_only;
    return wish;
}

/// What the query would be as a body: that of a POST to `_changes`.
std::string body_of(const ChangesQuery& query) {
    if (query.selector) return R"({"selector":)" + *query.selector + '}';
    std::string body = R"({"doc_ids":)";
    append_json_strings(body, query.doc_ids);
    return body + '}';
}

}  // namespace

ChangesFilter replication_filter(Call& call, const ChangesQuery& query) {
    auto& request = call.request;
    request.query.clear();
    for (const auto& [name, value] : query.query_params) request.query.push_back({name, value});
    const bool by_id = !query.doc_ids.empty() ||
                       (query.filter == "_doc_ids" && request.parameter("doc_ids") == nullptr);
    const bool posted = query.selector.has_value() || by_id;
    request.method = posted ? "POST" : "GET";
    if (!posted && query.filter.empty()) return {};
    const std::string name = query.selector ? "_selector" : by_id ? "_doc_ids" : query.filter;
    request.query.push_back({"filter", name});
    if (!posted) return configure_filter(call, name, nullptr);
    const auto body = parse_json(body_of(query)).value();
    return configure_filter(call, name, &body);
}

LocalFeed::LocalFeed(Services& services, std::shared_ptr<storage::Database> database,
                     ChangesFilter filter, Sequence since, const ChangesQuery& query)
    : services_(services),
      database_(std::move(database)),
      continuous_(query.continuous),
      picker_(database_, std::move(filter), wish_of(query)),
      at_(since),
      told_(since),
      subscription_(database_->bell().subscribe(signal_.ringer())) {}

LocalFeed::~LocalFeed() {
    database_->bell().unsubscribe(subscription_);
}

void LocalFeed::cancel() {
    cancelled_ = true;
    signal_.ring();
}

void LocalFeed::check_alive() const {
    if (cancelled_) throw cancelled_failure();
    if (database_->doomed()) throw peer_failure({Code::not_found, "Database does not exist.", {}});
}

Task<ChangesBatch> LocalFeed::next(std::size_t rows_max) {
    ChangesBatch batch;
    try {
        for (;;) {
            check_alive();
            auto& pool = picker_.scripted() ? *services_.script_pool : services_.pool;
            const auto filled =
                co_await run_on(pool, [this, rows_max, &batch] { return fill(rows_max, batch); });
            if (cancelled_) throw cancelled_failure();
            if (filled == Filled::nothing_passed) continue;
            batch.ended = filled == Filled::drained && !continuous_;
            const bool moved = told_ < at_;
            if (!batch.rows.empty() || batch.ended || moved) break;
            co_await signal_.wait(long_wait);
        }
    } catch (...) {
        rethrow_as_failure();
    }
    told_ = at_;
    batch.last_sequence = json_string(database_->sequence_text(at_));
    co_return batch;
}

// On a pool thread, one at a time.
LocalFeed::Filled LocalFeed::fill(std::size_t rows_max, ChangesBatch& batch) {
    picker_.open(at_);
    for (std::size_t examined = 0; examined < examined_max; ++examined) {
        if (!picker_.next(rows_max - batch.rows.size())) {
            at_ = picker_.stream().end(at_);
            batch.pending = 0;
            picker_.release();
            return Filled::drained;
        }
        at_ = picker_.change().sequence;
        if (!picker_.passed().empty()) take(batch);
        if (batch.rows.size() == rows_max) break;
    }
    if (batch.rows.empty()) return Filled::nothing_passed;
    batch.pending = picker_.stream().pending(at_);
    return Filled::rows;
}

void LocalFeed::take(ChangesBatch& batch) {
    const auto& change = picker_.change();
    SourceChange row;
    row.id = change.id;
    row.sequence = json_string(database_->sequence_text(change.sequence));
    row.deleted = change.deleted();
    row.leaves.reserve(picker_.passed().size());
    for (const auto* leaf : picker_.passed()) row.leaves.push_back(leaf->revision);
    batch.rows.push_back(std::move(row));
}

}  // namespace divan::server
