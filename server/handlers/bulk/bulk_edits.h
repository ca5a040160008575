#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/handlers/documents/admission.h"
#include "server/handlers/documents/write_checks.h"
#include "server/routes.h"
#include "storage/database/edit.h"
#include "storage/document/client_document.h"

/// Many documents on their way to the writer: those of `_bulk_docs`, and those that a replication
/// brings.
namespace divan::server {

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
    std::vector<storage::Revision> revisions;  ///< As sent, of every row, where answers name them.
    std::vector<storage::Edit> edits;
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

/// Judges a document and puts it among the edits. Throws `Refused` where its form is wrong; what is
/// refused otherwise stays with its row. Blocks where `admission.slow()`.
void add_document(storage::ClientDocument document, const BulkRules& rules, BulkEdits& bulk);

/// Asks the validators, then writes `bulk.edits`, which it takes. Rows of edits that validators
/// refused tell it from now on; the others' outcomes are returned, by `BulkRow::index`.
Task<storage::EditOutcomes> write_bulk(Call& call, BulkEdits& bulk);

}  // namespace divan::server
