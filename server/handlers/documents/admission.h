#pragma once

#include <optional>
#include <string>

#include "server/services.h"
#include "storage/base/identity.h"
#include "storage/base/json.h"
#include "storage/database/record.h"

namespace divan::server {

/// Whose edits are judged, and where.
struct EditContext {
    const Services& services;
    const Identity& who;
    const storage::Database& database;
};

/// An edit beside what is stored, which is read only where a step asks for it.
class ProposedEdit {
public:
    ProposedEdit(const storage::Database& database, const storage::Edit& edit)
        : database_(database), edit_(edit) {}

    const storage::Edit& edit() const { return edit_; }
    /// The edit's document, without "_" members.
    const JsonValue& document();
    /// The revision that the edit is made from: its parent, or of a replicated edit the nearest
    /// ancestor that is there. Null where there is none.
    const JsonValue* old();
    /// The parent is no leaf any more, or there is a document where none was expected. Only of an
    /// interactive edit.
    bool in_conflict();
    /// A replicated revision that is there already.
    bool known();

private:
    const storage::DocumentRecord* record();
    std::optional<storage::Revision> ancestor();

    const storage::Database& database_;
    const storage::Edit& edit_;
    bool record_read_ = false;
    std::optional<storage::DocumentRecord> record_;
    std::optional<JsonValue> document_;
    bool old_read_ = false;
    std::optional<JsonValue> old_;
};

/// What an edit passes before it is written. Two ordered lists of small steps, each of which looks
/// itself whether an edit concerns it:
///
/// 1. `prepare` completes an edit (the hash of a password), or refuses the whole request. CouchDB:
///    before_doc_update of couch_users_db and couch_replicator_docs.
/// 2. `judge` refuses single edits: rules on design documents and on the documents of system
///    databases. CouchDB: couch_db:validate_doc_update/3.
///
/// Made for one request; what it is made from outlives it.
class Admission {
public:
    explicit Admission(const EditContext& context) : context_(context) {}

    /// Whether the steps take long in this database: then for a pool.
    bool slow() const;
    Result<void> prepare(storage::Edit& edit) const;
    /// False where there is nothing to write: a replicated revision that is known already. A
    /// conflict is told before any other refusal, as in couch_db.
    Result<bool> judge(const storage::Edit& edit) const;
    /// Both, for a single edit.
    Result<bool> admit(storage::Edit& edit) const;

private:
    const EditContext context_;
};

}  // namespace divan::server
