#include "server/handlers/accept.h"
#include "server/handlers/bulk/bulk.h"
#include "server/handlers/bulk/bulk_get_writer.h"
#include "server/handlers/documents/user_documents.h"
#include "server/handlers/json_body.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

/// What is read before the answer begins. An answer that is no longer needs no second read.
constexpr std::size_t first_bytes = 256U << 10;
constexpr std::size_t chunk_bytes = 128U << 10;
/// More rows are looked up on the pool.
constexpr std::size_t inline_rows_max = 4;

class BulkGetSource : public ChunkSource {
public:
    BulkGetSource(const Services& services, std::unique_ptr<BulkGetWriter> writer,
                  std::string first)
        : services_(services), writer_(std::move(writer)), first_(std::move(first)) {}

    Task<bool> next(std::string& out) override {
        if (!first_.empty()) {
            out = std::exchange(first_, {});
            co_return true;
        }
        if (!more_) co_return false;
        out.clear();
        more_ = co_await services_.on_storage(
            [this, &out] { return writer_->append(out, chunk_bytes); });
        co_return true;
    }

private:
    const Services& services_;
    std::unique_ptr<BulkGetWriter> writer_;
    std::string first_;
    bool more_ = true;
};

void check_parameters(const Request& request) {
    for (const auto& parameter : request.query) {
        for (const std::string_view refused :
             {"open_revs", "new_edits", "w", "rev", "atts_since"}) {
            if (parameter.name != refused) continue;
            throw Refused(Code::bad_request,
                          '"' + parameter.name + "\" query parameter is not acceptable");
        }
    }
}

bool says_true(const Request& request, std::string_view name) {
    for (const auto& parameter : request.query) {
        if (parameter.name == name && parameter.value == "true") return true;
    }
    return false;
}

// Rows whose documents are hidden from the caller.
void hide_users(const Call& call, std::vector<BulkGetRow>& rows) {
    if (sees_all_users(call)) return;
    for (auto& row : rows) {
        if (row.error) continue;
        const auto shown = check_user_reader(call, row.id);
        if (shown.has_error()) row.error = BulkGetError{json_string(row.id), "null", shown.error()};
    }
}

}  // namespace

Task<Response> post_bulk_get(Call& call) {
    const auto& request = call.request;
    require_json_type(request);
    const JsonValue sent = co_await read_json_object(call);
    const JsonValue* docs = sent.find("docs");
    if (!docs || !docs->is_array()) {
        co_return refusal(Code::bad_request, "Missing JSON list of 'docs'.");
    }
    check_parameters(request);
    storage::DocumentOptions options;
    options.revs = says_true(request, "revs");
    options.attachments = says_true(request, "attachments");
    options.att_encoding_info = says_true(request, "att_encoding_info");

    auto rows = parse_bulk_get(*docs, call.db().entry().partitioned);
    hide_users(call, rows);
    const auto count = rows.size();
    BulkGetReader reader(call.db().view(), std::move(rows), says_true(request, "latest"));
    Response response = json_response(200, {});
    std::unique_ptr<BulkGetWriter> writer;
    const bool mixed = accepts(request, "multipart/mixed");
    if (!accepts(request, "application/json") &&
        (mixed || accepts(request, "multipart/related"))) {
        const auto boundary = "--" + random_uuid();
        response = Response();
        response.set("Content-Type", std::string(mixed ? "multipart/mixed" : "multipart/related") +
                                         "; boundary=\"" + boundary + '"');
        writer = std::make_unique<BulkGetMultipart>(std::move(reader), options, boundary);
    } else {
        writer = std::make_unique<BulkGetJson>(std::move(reader), options);
    }

    bool more = false;
    if (count <= inline_rows_max && !options.attachments) {
        more = writer->append(response.body, first_bytes);
    } else {
        more = co_await call.services.on_storage(
            [&] { return writer->append(response.body, first_bytes); });
    }
    call.services.metrics.document_reads.fetch_add(count, std::memory_order_relaxed);
    if (more) {
        response.source = std::make_unique<BulkGetSource>(call.services, std::move(writer),
                                                          std::exchange(response.body, {}));
    }
    co_return std::move(response);
}

}  // namespace divan::server
