#include "server/handlers/queries/find.h"

#include <fmt/format.h>

#include "server/config/config.h"
#include "server/handlers/documents/user_documents.h"
#include "server/handlers/json_body.h"
#include "server/handlers/queries/find_stream.h"
#include "server/handlers/queries/row_query.h"
#include "server/services.h"
#include "storage/query/mango/explain.h"
#include "storage/query/mango/index_cache.h"

namespace divan::server {
namespace {

using storage::mango::FindOptions;
using storage::mango::Plan;
using storage::mango::PlanFor;

/// `partition` may be in the body or in the query, as the addresses of partitions put it there.
/// mango_httpd:maybe_set_partition/1.
void settle_partition(const Call& call, const JsonValue& body, FindOptions& options) {
    if (const auto* const partition = call.parameter("partition")) {
        if (body.find("partition") != nullptr && options.partition != *partition) {
            throw Refused(
                Error{Code::bad_request,
                      fmt::format("Conflicting value for `partition`: {}", options.partition),
                      "bad_partition"});
        }
        options.partition = *partition;
    }
    if (!options.partition.empty()) check_partition_name(options.partition);
}

Task<FindOptions> read_options(Call& call) {
    require_json_type(call.request);
    auto body = co_await read_json_object(call);
    if (!sees_all_users(call)) body = only_own_document(call, body);
    const auto limit = call.services.config.get_integer("mango", "default_limit", 25);
    auto options = storage::mango::parse_find(body, static_cast<std::uint64_t>(limit));
    settle_partition(call, body, options);
    co_return options;
}

}  // namespace

Task<Response> post_find(Call& call) {
    const auto options = co_await read_options(call);
    co_return co_await answer_find(call, options);
}

Task<Response> post_explain(Call& call) {
    const auto options = co_await read_options(call);
    const auto partitioned = call.db().entry().partitioned;
    std::string text;
    co_await call.services.on_storage([&] {
        auto indexes = call.services.mango_indexes->of(*call.db().view());
        const auto plan = make_plan(std::move(indexes), options, partitioned, PlanFor::explain);
        text = storage::mango::explain(plan, options, call.db().name(), partitioned);
    });
    co_return json_response(200, std::move(text));
}

}  // namespace divan::server
