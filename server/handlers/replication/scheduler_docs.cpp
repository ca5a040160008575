#include <fmt/format.h>

#include <algorithm>

#include "replication/replicator.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/node/node_name.h"
#include "server/handlers/queries/row_query.h"
#include "server/handlers/replication/scheduler.h"
#include "storage/database/all_docs.h"
#include "storage/document/design_document.h"

namespace divan::server {
namespace {

constexpr std::size_t rows_at_once = 200;

// Rows of documents, filtered by their states; `skip` and `limit` count what passed.
class DocsSource : public ChunkSource {
public:
    DocsSource(Services& services, std::shared_ptr<storage::Database> database, RowQuery query,
               std::vector<std::string> states)
        : services_(services),
          database_(std::move(database)),
          scan_(database_->view(), range(query)),
          states_(std::move(states)),
          skip_(query.skip),
          left_(query.limit) {}

    Task<bool> next(std::string& out) override {
        if (ended_) co_return false;
        out.clear();
        co_await services_.on_storage([this, &out] { read(out); });
        co_return true;
    }

private:
    static storage::IdRange range(const RowQuery& query) {
        storage::IdRange range;
        const auto text = [](const std::optional<JsonValue>& key) {
            return key && key->is_string() ? std::optional(key->string()) : std::nullopt;
        };
        range.start = text(query.start_key);
        range.end = text(query.end_key);
        range.inclusive_end = query.inclusive_end;
        range.descending = query.descending;
        return range;
    }

    void read(std::string& out) {
        if (!began_) {
            const auto total = scan_.total_rows();
            out += fmt::format("{{\"total_rows\":{},\"offset\":{},\"docs\":[", total,
                               std::min(total, scan_.offset() + skip_));
            began_ = true;
        }
        for (std::size_t i = 0; i < rows_at_once && left_ > 0; ++i) {
            const auto* row = scan_.next();
            if (row == nullptr) left_ = 0;
            else append(out, *row);
        }
        if (left_ > 0) return;
        out += "\r\n]}\n";
        ended_ = true;
    }

    void append(std::string& out, const storage::AllDocsScan::Row& row) {
        if (storage::is_design_id(row.id)) return;
        const auto body = scan_.body();
        if (!body) return;
        const auto shown = services_.replicator->documents().show(
            database_->name(), row.id, parse_json(body->text()).value(), node_name);
        if (!shown || shown->state.empty()) return;
        if (!states_.empty() &&
            std::find(states_.begin(), states_.end(), shown->state) == states_.end()) {
            return;
        }
        if (skip_ > 0) {
            --skip_;
            return;
        }
        if (any_) out += ',';
        out += "\r\n" + shown->json;
        any_ = true;
        --left_;
    }

    Services& services_;
    const std::shared_ptr<storage::Database> database_;
    storage::AllDocsScan scan_;
    const std::vector<std::string> states_;
    std::uint64_t skip_;
    std::uint64_t left_;
    bool began_ = false;
    bool any_ = false;
    bool ended_ = false;
};

Task<Response> one_document(Call& call, storage::Database& database, const std::string& id) {
    std::optional<replication::DocumentJobs::Shown> shown;
    const auto found = storage::read_winner(database, id);
    if (found && !found->head.deleted) {
        shown = call.services.replicator->documents().show(
            database.name(), id, parse_json(found->body.text()).value(), node_name);
    }
    if (!shown) co_return refusal(Code::not_found, "missing");
    co_return json_response(200, shown->json + "\n");
}

}  // namespace

Task<Response> get_scheduler_docs(Call& call) {
    const auto& segments = call.request.segments;
    const std::vector<std::string> rest(segments.begin() + 2, segments.end());
    const auto path = parse_scheduler_docs_path(rest);
    if (!path) co_return refusal(Code::bad_request, "Invalid path");
    RowQuery query;
    std::vector<std::string> states;
    if (!path->id) {
        read_parameters(call.request, query);
        states = parse_replication_states(first_parameter(call.request, "states"));
    }
    auto database = call.services.catalog.open(path->database);
    if (!database) co_return refusal(Code::not_found, "Database does not exist.");
    if (path->id) co_return co_await one_document(call, *database, *path->id);

    auto response = json_response(200, {});
    response.source = std::make_unique<DocsSource>(call.services, std::move(database),
                                                   std::move(query), std::move(states));
    co_return response;
}

}  // namespace divan::server
