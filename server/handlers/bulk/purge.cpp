#include "server/handlers/bulk/purge.h"

#include <algorithm>
#include <tuple>

#include "server/config/config.h"
#include "server/handlers/bulk/id_revisions.h"
#include "server/handlers/json_body.h"
#include "storage/database/purge_history.h"

namespace divan::server {
namespace {

constexpr std::int64_t documents_max = 100;
constexpr std::int64_t revisions_max = 1000;

void check_purge_limits(const std::vector<storage::PurgeRow>& rows, const Config& config) {
    const auto limit = [&config](std::string_view key, std::int64_t otherwise) {
        return static_cast<std::uint64_t>(config.get_integer("purge", key, otherwise));
    };
    if (rows.size() > limit("max_document_id_number", documents_max)) {
        throw Refused(Code::bad_request, "Exceeded maximum number of documents.");
    }
    std::size_t revisions = 0;
    for (const auto& row : rows) revisions += row.revisions.size();
    if (revisions > limit("max_revisions_number", revisions_max)) {
        throw Refused(Code::bad_request, "Exceeded maximum number of revisions.");
    }
}

}  // namespace

Task<Response> post_purge(Call& call) {
    require_json_type(call.request);
    const JsonValue sent = co_await read_json_object(call);
    auto rows = parse_id_revisions(sent, call.db());
    check_purge_limits(rows, call.services.config);
    for (auto& row : rows) {  // A revision that is named twice is asked for once.
        std::sort(row.revisions.begin(), row.revisions.end());
        const auto rest = std::unique(row.revisions.begin(), row.revisions.end());
        row.revisions.erase(rest, row.revisions.end());
    }

    storage::Purged purged;
    if (!rows.empty()) {
        auto done = co_await write_purge(call.services, call.db(), std::move(rows));
        if (done.has_error()) co_return refusal(done.error());
        purged = *std::move(done);
    }
    std::string body = R"({"purge_seq":null,"purged":{)";
    for (std::size_t i = 0; i < purged.rows.size(); ++i) {
        if (i > 0) body.push_back(',');
        append_json_string(body, sent.members()[i].first);
        body.push_back(':');
        std::sort(purged.rows[i].begin(), purged.rows[i].end());
        append_revisions(body, purged.rows[i]);
    }
    co_return json_response(201, body + "}}\n");
}

Task<Response> get_purged_infos(Call& call) {
    auto rows = co_await call.services.on_storage(
        [&call] { return storage::purge_history(*call.db().view()); });
    // What was asked for several times is told once.
    const auto key = [](const storage::PurgeRow& row) { return std::tie(row.id, row.revisions); };
    std::sort(rows.begin(), rows.end(),
              [&key](const auto& one, const auto& other) { return key(one) < key(other); });
    const auto repeated = std::unique(
        rows.begin(), rows.end(),
        [&key](const auto& one, const auto& other) { return key(one) == key(other); });
    rows.erase(repeated, rows.end());

    std::string body = R"({"purged_infos":[)";
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (i > 0) body.push_back(',');
        body += R"({"id":)";
        append_json_string(body, rows[i].id);
        body += R"(,"revs":)";
        append_revisions(body, rows[i].revisions);
        body.push_back('}');
    }
    co_return json_response(200, body + "]}\n");
}

Task<Response> get_purged_infos_limit(Call& call) {
    co_return json_response(200, std::to_string(call.db().settings()->purged_infos_limit) + '\n');
}

Task<Response> put_purged_infos_limit(Call& call) {
    const JsonValue sent = co_await read_json(call);
    const auto limit = sent.integer();
    if (!limit || *limit <= 0) {
        co_return refusal(Code::bad_request, "`purged_infos_limit` must be positive integer");
    }
    co_await call.services.on_storage(
        [&] { call.db().set_purged_infos_limit(static_cast<std::uint64_t>(*limit)); });
    co_return ok_response();
}

}  // namespace divan::server
