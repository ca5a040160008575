#include "server/handlers/bulk.h"

#include "server/handlers/document_edit.h"
#include "server/handlers/json_body.h"
#include "server/handlers/user_documents.h"
#include "server/handlers/user_audit.h"
#include "server/handlers/validation.h"
#include "server/handlers/write_checks.h"
#include "storage/database/local_docs.h"

// A request's documents become edits in one go, before any of them is written: what is wrong with
// the form of one refuses them all. What is refused later (a conflict, a validation) is told in its
// own row. Local documents and refused ones never reach the writer, so each row
// remembers where its outcome will be found.

namespace divan::server {
namespace {

using storage::ClientDocument;
using storage::Edit;
using storage::Revision;

constexpr std::string_view local_prefix = "_local/";

struct LocalEdit {
    std::string id;  ///< Without "_local/".
    std::string body;
    bool deleted = false;
    Result<std::uint64_t> edit_count = 0;  ///< As seen by the client, then as written.
};

struct BulkRow {
    enum class Fate : std::uint8_t { edit, local, refused, nothing };
    std::string id;
    Fate fate = Fate::edit;
    std::size_t index = 0;  ///< In the list that its fate names.
};

struct BulkEdits {
    bool new_edits = true;
    bool all_or_nothing = false;
    std::vector<BulkRow> rows;
    std::vector<Revision> revisions;  ///< As sent, of every row, where answers name them.
    std::vector<Edit> edits;
    std::vector<LocalEdit> locals;
    std::vector<Error> refusals;
};

/// What the documents of a request are judged by.
struct BulkRules {
    const EditContext& context;
    const Admission& admission;
    WriteLimits limits;
    storage::AttachmentSettings attachments;
};

// The revision that a document says it is, or is made from. `_revisions` beats `_rev`.
Revision sent_revision(const ClientDocument& document) {
    if (!document.revisions.empty()) {
        return {document.revisions_start, document.revisions.front()};
    }
    return document.revision.value_or(Revision{});
}

void check_row(const ClientDocument& document, bool new_edits, const BulkRules& rules) {
    check_limits(document, rules.limits).value();
    if (!new_edits && !document.revision && document.revisions.empty()) {
        throw Refused(Code::bad_request,
                      "When `new_edits: false`, the document needs `_rev` or `_revisions` "
                      "specified");
    }
    if (rules.context.database.entry().partitioned) {
        storage::validate_partitioned_id(*document.id).value();
    }
    for (const auto& attachment : document.attachments) {
        check_attachment_name(attachment.name).value();
    }
}

LocalEdit make_local(std::string_view id, ClientDocument document) {
    LocalEdit local;
    local.id = id.substr(local_prefix.size());
    local.deleted = document.deleted;
    const auto revision = sent_revision(document);
    if (revision != Revision{}) {
        local.edit_count = storage::parse_local_revision(to_string(revision));
    }
    local.body = std::move(document.body);
    return local;
}

void add_document(ClientDocument document, const BulkRules& rules, BulkEdits& bulk) {
    if (!document.id || document.id->empty()) {
        document.id = rules.context.services.uuids->next(rules.context.services.config);
    }
    check_row(document, bulk.new_edits, rules);

    auto& row = bulk.rows.emplace_back();
    row.id = *document.id;
    if (!bulk.new_edits || bulk.all_or_nothing) bulk.revisions.push_back(sent_revision(document));
    if (row.id.starts_with(local_prefix)) {
        check_user_writer(rules.context, row.id).value();
        row.fate = BulkRow::Fate::local;
        row.index = bulk.locals.size();
        bulk.locals.push_back(make_local(row.id, std::move(document)));
        return;
    }
    auto edit = make_edit(std::move(document), bulk.new_edits, rules.attachments).value();
    rules.admission.prepare(edit).value();
    const auto admitted = rules.admission.judge(edit);
    if (admitted.has_error()) {
        row.fate = BulkRow::Fate::refused;
        row.index = bulk.refusals.size();
        bulk.refusals.push_back(admitted.error());
    } else if (*admitted) {
        row.index = bulk.edits.size();
        bulk.edits.push_back(std::move(edit));
    } else {
        row.fate = BulkRow::Fate::nothing;
    }
}

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

/// Takes edits out that validators refused; their rows tell.
void drop_refused(BulkEdits& bulk, std::vector<std::optional<Error>> refusals) {
    if (refusals.empty()) return;
    std::vector<Edit> kept;
    for (auto& row : bulk.rows) {
        if (row.fate != BulkRow::Fate::edit) continue;
        if (auto& refusal = refusals[row.index]) {
            row.fate = BulkRow::Fate::refused;
            row.index = bulk.refusals.size();
            bulk.refusals.push_back(*std::move(refusal));
        } else {
            auto& edit = bulk.edits[row.index];
            row.index = kept.size();
            kept.push_back(std::move(edit));
        }
    }
    bulk.edits = std::move(kept);
}

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

    std::vector<storage::EditOutcome> outcomes;
    drop_refused(bulk, co_await validate_edits(call, bulk.edits));
    if (!bulk.edits.empty()) {
        auto written = co_await write_edits_audited(call, std::move(bulk.edits));
        if (written.has_error()) co_return refusal(written.error());
        outcomes = *std::move(written);
    }
    if (!bulk.locals.empty()) {
        co_await call.services.on_storage([&] { write_locals(call.db(), bulk.locals); });
    }
    co_return json_response(201, answer_rows(bulk, outcomes));
}

}  // namespace divan::server
