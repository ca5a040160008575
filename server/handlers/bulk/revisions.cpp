#include "server/handlers/bulk/revisions.h"

#include <algorithm>
#include <iterator>

#include "server/handlers/bulk/id_revisions.h"
#include "server/handlers/bulk/missing_revisions.h"
#include "server/handlers/documents/user_documents.h"
#include "server/handlers/json_body.h"

namespace divan::server {
namespace {

/// More ids are looked up on the pool.
constexpr std::size_t inline_ids_max = 8;

// In a database of users the documents of others are as if they were not there.
std::vector<MissingRevisions> find_visible_missing(const Call& call,
                                                   std::vector<storage::PurgeRow> rows) {
    if (sees_all_users(call)) return find_all_missing(call.db(), std::move(rows));
    const auto hidden =
        std::stable_partition(rows.begin(), rows.end(), [&](const storage::PurgeRow& row) {
            return check_user_reader(call, row.id).has_value();
        });
    std::vector<MissingRevisions> unknown;
    for (auto row = hidden; row != rows.end(); ++row) {
        if (row->revisions.empty()) continue;
        unknown.push_back({std::move(row->id), std::move(row->revisions), {}});
    }
    rows.erase(hidden, rows.end());
    auto missing = find_all_missing(call.db(), std::move(rows));
    std::move(unknown.begin(), unknown.end(), std::back_inserter(missing));
    return missing;
}

Task<std::vector<MissingRevisions>> ask_missing(Call& call) {
    require_json_type(call.request);
    const JsonValue sent = co_await read_json_object(call);
    auto rows = parse_id_revisions(sent, call.db());
    if (rows.size() <= inline_ids_max) co_return find_visible_missing(call, std::move(rows));
    auto missing = co_await call.services.on_storage(
        [&] { return find_visible_missing(call, std::move(rows)); });
    co_return std::move(missing);
}

}  // namespace

Task<Response> post_revs_diff(Call& call) {
    const auto missing = co_await ask_missing(call);
    std::string body = "{";
    for (const auto& one : missing) {
        if (body.size() > 1) body.push_back(',');
        append_json_string(body, one.id);
        body += R"(:{"missing":)";
        append_revisions(body, one.revisions);
        if (!one.possible_ancestors.empty()) {
            body += R"(,"possible_ancestors":)";
            append_revisions(body, one.possible_ancestors);
        }
        body.push_back('}');
    }
    co_return json_response(200, body + "}\n");
}

Task<Response> post_missing_revs(Call& call) {
    const auto missing = co_await ask_missing(call);
    std::string body = R"({"missing_revs":{)";
    bool first = true;
    for (const auto& one : missing) {
        if (!std::exchange(first, false)) body.push_back(',');
        append_json_string(body, one.id);
        body.push_back(':');
        append_revisions(body, one.revisions);
    }
    co_return json_response(200, body + "}}\n");
}

Task<Response> get_revs_limit(Call& call) {
    co_return json_response(200, std::to_string(call.db().settings()->revs_limit) + '\n');
}

Task<Response> put_revs_limit(Call& call) {
    const JsonValue sent = co_await read_json(call);
    const auto limit = sent.integer();
    if (!limit || *limit <= 0) {
        co_return refusal(Code::bad_request, "`revs_limit` must be positive integer");
    }
    co_await call.services.on_storage(
        [&] { call.db().set_revs_limit(static_cast<std::uint64_t>(*limit)); });
    co_return ok_response();
}

}  // namespace divan::server
