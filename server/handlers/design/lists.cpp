#include "server/handlers/design/lists.h"

#include <fmt/format.h>

#include <utility>

#include "server/handlers/design/design_functions.h"
#include "server/handlers/design/function_response.h"
#include "server/handlers/json_body.h"
#include "server/handlers/queries/all_docs.h"
#include "server/handlers/queries/row_answer.h"
#include "server/handlers/queries/row_query.h"
#include "server/handlers/queries/views.h"
#include "server/services.h"

namespace divan::server {
namespace {

using storage::js::ListPart;

/// The head of rows without the rows: `{"total_rows":3,"offset":0,"rows":[` is an object less.
std::string head_object(RowList& rows) {
    std::string head;
    rows.head(head);
    const auto at = head.rfind("\"rows\"");
    head.resize(at);
    if (head.back() == ',') head.pop_back();
    return head + "}";
}

/// A list function at work. It is given rows as fast as the client takes what it makes of them.
class ListOutput final : public ChunkSource {
public:
    ListOutput(Services& services, std::shared_ptr<storage::js::Functions> functions,
               std::unique_ptr<RowList> rows)
        : services_(services), functions_(std::move(functions)), rows_(std::move(rows)) {}

    /// Runs it up to its first output: what fails until then is an answer of its own. Throws
    /// `Refused`. Returns the object that it gave to start().
    std::string begin(std::string_view name, BytesView request) {
        list_ = functions_->list(name, head_object(*rows_), request);
        take(list_->begin().value());
        while (pending_.empty() && !ended_) step();
        begun_ = true;
        return start_;
    }
    /// After `begin`: it ended without any output.
    bool silent() const { return pending_.empty(); }
    /// After `begin`: the status of its failure at a row, where it failed before any output.
    std::optional<int> failed() const { return failed_; }

    Task<bool> next(std::string& out) override {
        out = std::exchange(pending_, {});
        if (out.empty() && !ended_) {
            co_await services_.on_scripts([this] { step(); });
            out = std::exchange(pending_, {});
        }
        co_return !out.empty() || !ended_;
    }

private:
    void take(ListPart part) {
        if (part.start) start_ = *std::move(part.start);
        pending_ += part.output;
        ended_ = part.ended;
    }

    void step() {
        std::vector<Bytes> batch;
        std::size_t bytes = 0;
        while (bytes < piece_bytes) {
            std::string row;
            if (!rows_->row(row)) break;
            bytes += row.size();
            batch.push_back(std::move(row));
        }
        auto part = batch.empty() ? list_->finish() : list_->feed(batch);
        if (part) return take(std::move(*part));
        if (!begun_ && batch.empty()) throw Refused(part.error());
        fail(part.error());
    }

    /// The answer is on its way: it ends with the error (chttpd:send_chunked_error/2).
    void fail(const Error& error) {
        const auto text = describe(error);
        pending_ += fmt::format("\n{{\"code\":{},\"error\":{},\"reason\":", text.status,
                                json_string(text.name));
        text.append_reason(pending_);
        pending_ += "}\n";
        if (!begun_) failed_ = text.status;
        ended_ = true;
    }

    Services& services_;
    std::shared_ptr<storage::js::Functions> functions_;
    std::unique_ptr<RowList> rows_;
    std::unique_ptr<storage::js::List> list_;
    std::string start_ = "{}";
    std::string pending_;
    std::optional<int> failed_;
    bool begun_ = false;
    bool ended_ = false;
};

/// The call of the view that a list reads.
Call view_call(const Call& call) {
    std::string design = call.path("ddoc");
    for (const auto& [name, value] : call.path_values) {
        if (name == "doc") design = value;
    }
    Call of_view{call.request, call.services, call.identity, call.database, {}, {}};
    of_view.path_values = {
        {"doc",  std::move(design)},
        {"view", call.path("view")}
    };
    of_view.client_address = call.client_address;
    return of_view;
}

Task<Response> answer(Call& call, const OpenDesign& design, RowQuery query,
                      const std::optional<FunctionBody>& body) {
    auto of_view = view_call(call);
    std::unique_ptr<RowList> rows;
    if (call.path("view") == "_all_docs") {
        rows = open_all_docs(of_view, std::move(query));
    } else {
        rows = co_await open_view(of_view, std::move(query));
    }
    auto output = std::make_unique<ListOutput>(call.services, design.functions, std::move(rows));
    Response response;
    co_await call.services.on_scripts([&] {
        const auto request = request_object(call, std::nullopt, body);
        const auto start = output->begin(call.path("function"), request);
        // Where nothing is sent CouchDB tells no type: couch_mrview_show:last_chunk/2.
        response = function_response(call.services.config, parse_json(start).value(), 200,
                                     output->silent() ? "" : "application/json");
        response.status = output->failed().value_or(response.status);
    });
    response.source = std::move(output);
    co_return response;
}

}  // namespace

Task<Response> get_list(Call& call) {
    OpenDesign design;
    co_await call.services.on_storage([&] { design = open_design(call, call.path("ddoc")); });
    require_function(design, "lists", call.path("function"));
    RowQuery query;
    read_parameters(call.request, query);
    const std::optional<FunctionBody> none;
    co_return co_await answer(call, design, std::move(query), none);
}

Task<Response> post_list(Call& call) {
    OpenDesign design;
    co_await call.services.on_storage([&] { design = open_design(call, call.path("ddoc")); });
    require_json_type(call.request);
    const auto body = co_await read_json_object(call);
    require_function(design, "lists", call.path("function"));
    RowQuery query;
    if (const auto* keys = body.find("keys")) query.keys = *keys;
    read_members(body, query);
    read_parameters(call.request, query);
    const std::optional<FunctionBody> sent(FunctionBody{body.dump(), true});
    co_return co_await answer(call, design, std::move(query), sent);
}

Task<Response> refuse_list(Call& call) {
    co_await require_design(call);
    co_return refusal(Error{Code::not_found, "Invalid path.", "list_error"});
}

}  // namespace divan::server
