#include "server/handlers/changes/changes.h"

#include "server/handlers/changes/changes_feed.h"
#include "server/handlers/changes/changes_filter.h"
#include "server/handlers/changes/changes_query.h"
#include "server/handlers/changes/changes_rows.h"
#include "server/handlers/etag.h"
#include "server/handlers/json_body.h"

namespace divan::server {
namespace {

/// Another one after every write.
std::string etag_of(const storage::Database& database) {
    return content_etag(database.entry().uuid + database.state().encode());
}

Task<Response> answer_changes(Call& call, const JsonValue* body) {
    auto query = parse_changes_query(call.request);
    ChangesFilter filter;
    co_await call.services.on_storage(
        [&] { filter = configure_filter(call, query.filter, body); });
    const auto kind = feed_kind(query);
    const auto start = start_of(query, call.db());
    const auto etag = kind == FeedKind::normal ? etag_of(call.db()) : std::string();
    if (!etag.empty() && has_etag(call.request, etag)) {
        Response unchanged;
        unchanged.status = 304;
        unchanged.set("ETag", etag);
        co_return unchanged;
    }
    const auto patience = query.times.patience(call.services.config);
    auto rows = std::make_unique<ChangesRows>(call.database, std::move(query), std::move(filter),
                                              start);
    FeedBell bell{call.database->bell(), call.database};
    auto response = co_await answer_feed(call.services, call.request.connection, kind,
                                         std::move(rows), patience, std::move(bell));
    if (!etag.empty()) response.set("ETag", etag);
    co_return response;
}

}  // namespace

Task<Response> get_changes(Call& call) {
    co_return co_await answer_changes(call, nullptr);
}

Task<Response> post_changes(Call& call) {
    require_json_type(call.request);
    if (call.request.body->absent()) co_return co_await answer_changes(call, nullptr);
    const auto body = co_await read_json_object(call);
    co_return co_await answer_changes(call, &body);
}

}  // namespace divan::server
