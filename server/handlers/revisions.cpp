#include "server/handlers/revisions.h"

#include <algorithm>

#include "server/handlers/id_revisions.h"
#include "server/handlers/json_body.h"
#include "storage/database/read_view.h"

namespace divan::server {
namespace {

using storage::Revision;

/// More ids are looked up on the pool.
constexpr std::size_t inline_ids_max = 8;
/// Records that are in memory at a time.
constexpr std::size_t batch_ids_max = 256;

/// What a database does not have of the revisions that were asked for.
struct Missing {
    std::string id;
    std::vector<Revision> revisions;
    std::vector<Revision> possible_ancestors;
};

// couch_key_tree:find_missing/2 gives them in order.
std::vector<Revision> find_missing(const storage::RevisionTree& tree,
                                   std::vector<Revision> wanted) {
    std::erase_if(wanted, [&tree](const Revision& one) { return tree.find(one).has_value(); });
    std::sort(wanted.begin(), wanted.end());
    return wanted;
}

// The leaves below the highest missing generation, the winner last (couch_db:find_missing/2).
std::vector<Revision> find_possible_ancestors(const storage::RevisionTree& tree,
                                              const std::vector<Revision>& missing) {
    std::vector<Revision> found;
    for (const auto index : tree.leaves()) {
        const auto& leaf = tree.node(index).revision;
        if (leaf.generation < missing.back().generation) found.push_back(leaf);
    }
    std::reverse(found.begin(), found.end());
    return found;
}

void look_up(const storage::ReadView& view, std::span<storage::PurgeRow> rows,
             std::vector<Missing>& out) {
    std::vector<std::string> ids;
    ids.reserve(rows.size());
    for (const auto& row : rows) ids.push_back(row.id);
    const auto records = view.records(ids);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        Missing missing{std::move(rows[i].id), std::move(rows[i].revisions), {}};
        if (records[i]) {
            const auto& tree = records[i]->tree;
            missing.revisions = find_missing(tree, std::move(missing.revisions));
            if (!missing.revisions.empty()) {
                missing.possible_ancestors = find_possible_ancestors(tree, missing.revisions);
            }
        }
        if (!missing.revisions.empty()) out.push_back(std::move(missing));
    }
}

std::vector<Missing> find_all_missing(const storage::Database& database,
                                      std::vector<storage::PurgeRow> rows) {
    const auto view = database.view();
    std::vector<Missing> missing;
    const std::span all(rows);
    for (std::size_t at = 0; at < all.size(); at += batch_ids_max) {
        look_up(*view, all.subspan(at, std::min(batch_ids_max, all.size() - at)), missing);
    }
    return missing;
}

Task<std::vector<Missing>> ask_missing(Call& call) {
    require_json_type(call.request);
    const JsonValue sent = co_await read_json_object(call);
    auto rows = parse_id_revisions(sent, call.db());
    if (rows.size() <= inline_ids_max) co_return find_all_missing(call.db(), std::move(rows));
    auto missing = co_await call.services.on_storage(
        [&] { return find_all_missing(call.db(), std::move(rows)); });
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
