#include "server/handlers/bulk/bulk.h"

#include "server/handlers/bulk/bulk_edits.h"
#include "server/handlers/json_body.h"
#include "storage/database/local_docs.h"

// A request's documents become edits in one go, before any of them is written: what is wrong with
// the form of one refuses them all. What is refused later (a conflict, a validation) is told in its
// own row. Local documents and refused ones never reach the writer, so each row
// remembers where its outcome will be found.

namespace divan::server {
namespace {

using storage::Revision;

BulkEdits prepare(std::string_view body, const BulkRules& rules) {
    auto sent = storage::parse_bulk_docs(body).value();
    BulkEdits bulk;
    bulk.new_edits = sent.new_edits;
    bulk.all_or_nothing = sent.new_edits && sent.all_or_nothing;
    bulk.rows.reserve(sent.docs.size());
    bulk.edits.reserve(sent.docs.size());
    for (auto& document : sent.docs) add_document(std::move(document), rules, bulk);
    return bulk;
}

Task<BulkEdits> read_edits(Call& call) {
    std::string body = co_await read_body(call);
    const EditContext context{call.services, call.identity, call.db()};
    const Admission admission(context);
    const BulkRules rules{context, admission, write_limits(call.services.config),
                          attachment_settings(call.services.config)};
    const bool inline_parse = body.size() <= inline_parse_bytes_max && !admission.slow();
    if (inline_parse) co_return prepare(body, rules);
    auto bulk = co_await call.services.on_storage([&] { return prepare(body, rules); });
    co_return std::move(bulk);
}

void write_locals(storage::Database& database, std::vector<LocalEdit>& locals) {
    storage::LocalDocs docs(database);
    for (auto& local : locals) {
        if (local.deleted) {
            docs.erase(local.id);
            local.edit_count = 0;
        } else if (local.edit_count.has_value()) {
            local.edit_count = docs.put(local.id, local.body, *local.edit_count);
        }
    }
}

/// Writes the rows of an answer.
class BulkAnswer {
public:
    explicit BulkAnswer(std::size_t rows) {
        constexpr std::size_t row_bytes = 110;
        text_.reserve(rows * row_bytes + 8);
        text_.push_back('[');
    }

    void written(std::string_view id, const Revision& revision) {
        begin(R"({"ok":true,"id":)", id);
        text_ += R"(,"rev":")";
        storage::append_revision(text_, revision);
        text_ += "\"}";
    }
    void written_local(std::string_view id, std::uint64_t edit_count) {
        begin(R"({"ok":true,"id":)", id);
        text_ += R"(,"rev":"0-)";
        text_ += std::to_string(edit_count);
        text_ += "\"}";
    }
    /// `revision` is null where the answer does not name it.
    void refused(std::string_view id, const Revision* revision, const Error& error) {
        begin(R"({"id":)", id);
        if (revision) {
            text_ += R"(,"rev":)";
            append_json_string(text_, to_string(*revision));
        }
        const auto told = describe(error);
        text_ += R"(,"error":)";
        append_json_string(text_, told.name);
        text_ += R"(,"reason":)";
        told.append_reason(text_);
        text_.push_back('}');
    }
    std::string finish() {
        text_ += "]\n";
        return std::move(text_);
    }

private:
    void begin(std::string_view head, std::string_view id) {
        if (text_.size() > 1) text_.push_back(',');
        text_ += head;
        append_json_string(text_, id);
    }

    std::string text_;
};

Response refuse_all_or_nothing(const BulkEdits& bulk) {
    const Error error{Code::not_implemented, "all_or_nothing is not supported", {}};
    BulkAnswer answer(bulk.rows.size());
    for (std::size_t i = 0; i < bulk.rows.size(); ++i) {
        answer.refused(bulk.rows[i].id, &bulk.revisions[i], error);
    }
    return json_response(417, answer.finish());
}

// Of interactive edits every row is told, of replicated ones only what failed.
std::string answer_rows(const BulkEdits& bulk, const std::vector<storage::EditOutcome>& outcomes) {
    BulkAnswer answer(bulk.new_edits ? bulk.rows.size() : 0);
    for (std::size_t i = 0; i < bulk.rows.size(); ++i) {
        const auto& row = bulk.rows[i];
        const Revision* sent = bulk.new_edits ? nullptr : &bulk.revisions[i];
        switch (row.fate) {
            case BulkRow::Fate::edit: {
                const auto& outcome = outcomes[row.index];
                if (outcome.has_error()) {
                    answer.refused(row.id, sent, outcome.error());
                } else if (bulk.new_edits) {
                    answer.written(row.id, *outcome);
                }
                break;
            }
            case BulkRow::Fate::local: {
                const auto& count = bulk.locals[row.index].edit_count;
                if (count.has_error()) {
                    answer.refused(row.id, sent, count.error());
                } else if (bulk.new_edits) {
                    answer.written_local(row.id, *count);
                }
                break;
            }
            case BulkRow::Fate::refused:
                answer.refused(row.id, sent, bulk.refusals[row.index]);
                break;
            case BulkRow::Fate::nothing: break;
        }
    }
    return answer.finish();
}

}  // namespace

Task<Response> post_bulk_docs(Call& call) {
    require_json_type(call.request);
    BulkEdits bulk = co_await read_edits(call);
    if (bulk.all_or_nothing && !bulk.rows.empty()) co_return refuse_all_or_nothing(bulk);

    const auto outcomes = co_await write_bulk(call, bulk);
    if (outcomes.has_error()) co_return refusal(outcomes.error());
    if (!bulk.locals.empty()) {
        co_await call.services.on_storage([&] { write_locals(call.db(), bulk.locals); });
    }
    co_return json_response(201, answer_rows(bulk, *outcomes));
}

}  // namespace divan::server
