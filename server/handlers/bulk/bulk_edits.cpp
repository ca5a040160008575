#include "server/handlers/bulk/bulk_edits.h"

#include <optional>

#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/user_audit.h"
#include "server/handlers/documents/user_documents.h"
#include "server/handlers/documents/validation.h"
#include "storage/database/local_docs.h"

namespace divan::server {
namespace {

using storage::ClientDocument;
using storage::Edit;
using storage::Revision;

constexpr std::string_view local_prefix = "_local/";

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

}  // namespace

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

Task<storage::EditOutcomes> write_bulk(Call& call, BulkEdits& bulk) {
    auto refusals = co_await validate_edits(call, bulk.edits);
    drop_refused(bulk, std::move(refusals));
    if (bulk.edits.empty()) co_return std::vector<storage::EditOutcome>();
    auto outcomes = co_await write_edits_audited(call, std::move(bulk.edits));
    co_return outcomes;
}

}  // namespace divan::server
