#include "storage/query/validators.h"

#include <utility>

#include "storage/base/json.h"
#include "storage/database/all_docs.h"
#include "storage/database/document_text.h"
#include "storage/database/read_view.h"
#include "storage/document/design_document.h"

namespace divan::storage {
namespace {

/// An edit that validators are asked about.
struct Candidate {
    std::size_t index;
    Bytes new_document;
    Bytes old_document;  ///< Empty for none.
};

/// What an edit is made from: couch_db:prep_and_validate_update/5 and …_replicated_updates/6.
struct Origin {
    bool asked = true;                 ///< False where the writer refuses it or leaves it out.
    std::optional<Revision> revision;  ///< The old document's.
};

Origin interactive_origin(const Edit& edit, const DocumentRecord* record) {
    if (!record) return {.asked = !edit.parent, .revision = {}};
    const auto& tree = record->tree;
    if (!edit.parent) return {.asked = tree.node(tree.winner()).deleted, .revision = {}};
    const auto found = tree.find(*edit.parent);
    return {.asked = found && tree.node(*found).leaf, .revision = edit.parent};
}

Origin replicated_origin(const Edit& edit, const DocumentRecord* record) {
    if (!record) return {};
    for (std::size_t i = 0; i < edit.path.size(); ++i) {
        const auto found = record->tree.find({edit.generation - i, edit.path[i]});
        if (!found || !record->tree.node(*found).has_body) continue;
        if (i == 0) return {.asked = false, .revision = {}};
        return {
            .asked = true, .revision = Revision{edit.generation - i, edit.path[i]}
        };
    }
    return {};
}

void append_ancestry(std::string& out, const Edit& edit) {
    const bool replicated = edit.replicated;
    const std::uint64_t start = replicated ? edit.generation : edit.parent->generation;
    out += R"(,"_revisions":{"start":)" + std::to_string(start) + R"(,"ids":[)";
    const std::span<const RevisionHash> path =
        replicated ? std::span<const RevisionHash>(edit.path) : std::span(&edit.parent->hash, 1);
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (i > 0) out += ',';
        std::string hash;
        append_hash(hash, path[i]);
        append_json_string(out, hash);
    }
    out += "]}";
}

/// Stubs of an edit name what `old` has.
void append_new_attachments(std::string& out, const Edit& edit, const StoredBody* old) {
    if (edit.attachments.empty()) return;
    out += R"(,"_attachments":{)";
    bool first = true;
    for (const auto& attachment : edit.attachments) {
        const auto* stored = &attachment.stored;
        if (attachment.stub && old != nullptr) stored = old->attachment(attachment.stored.name);
        if (stored == nullptr) continue;
        if (!std::exchange(first, false)) out += ',';
        append_attachment_stub(out, *stored, {});
    }
    out += '}';
}

/// couch_doc:to_json_obj/2 with `revs`, of a document that is not written yet.
Bytes new_document(const Edit& edit, const StoredBody* old) {
    std::string out = R"({"_id":)";
    append_json_string(out, edit.id);
    const bool has_revision = edit.replicated || edit.parent;
    if (has_revision) {
        const auto revision =
            edit.replicated ? Revision{edit.generation, edit.path.front()} : *edit.parent;
        out += R"(,"_rev":)";
        append_json_string(out, to_string(revision));
    }
    if (edit.body.size() > 2) out.append(",").append(edit.body, 1, edit.body.size() - 2);
    if (edit.deleted) out += R"(,"_deleted":true)";
    if (has_revision) append_ancestry(out, edit);
    append_new_attachments(out, edit, old);
    out += '}';
    return out;
}

std::optional<Candidate> candidate(const ReadView& view, const Edit& edit, std::size_t index,
                                   const DocumentRecord* record) {
    const auto origin =
        edit.replicated ? replicated_origin(edit, record) : interactive_origin(edit, record);
    if (!origin.asked) return std::nullopt;
    const auto old = origin.revision ? view.body(edit.id, *origin.revision) : std::nullopt;
    Candidate made{index, new_document(edit, old ? &*old : nullptr), {}};
    if (old) {
        DocumentOptions options;
        options.revs = true;
        append_document(made.old_document, view, edit.id, *origin.revision, *old, record, options);
    }
    return made;
}

std::vector<Candidate> candidates(const ReadView& view, std::span<const Edit> edits) {
    std::vector<std::string> ids;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < edits.size(); ++i) {
        if (is_design_id(edits[i].id)) continue;
        ids.push_back(edits[i].id);
        places.push_back(i);
    }
    const auto records = view.records(ids);
    std::vector<Candidate> found;
    for (std::size_t i = 0; i < places.size(); ++i) {
        const auto* record = records[i] ? &*records[i] : nullptr;
        auto made = candidate(view, edits[places[i]], places[i], record);
        if (made) found.push_back(*std::move(made));
    }
    return found;
}

/// Only the first refusal counts.
void ask(const Validator& validator, std::vector<Candidate>& waiting,
         const ValidationContext& context, std::vector<std::optional<Error>>& refusals) {
    std::vector<js::Validation> validations;
    validations.reserve(waiting.size());
    for (const auto& one : waiting) {
        validations.push_back({one.new_document, one.old_document});
    }
    auto outcomes = validator.judge(validations, context);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        refusals[waiting[i].index] = std::move(outcomes[i]);
    }
    std::erase_if(waiting, [&](const Candidate& one) { return refusals[one.index].has_value(); });
}

}  // namespace

std::shared_ptr<const Validators> Validators::known(Database& database) {
    return std::static_pointer_cast<const Validators>(database.designs().get());
}

std::shared_ptr<const Validators> Validators::read(Database& database,
                                                   js::Runtime& runtime) {
    const auto version = database.designs().version();
    auto validators = std::make_shared<Validators>();
    const auto view = database.view();
    IdRange range;
    range.design_only = true;
    AllDocsScan scan(view, range);
    while (const auto* row = scan.next()) {
        const auto body = scan.body();
        if (!body || body->text().find("validate_doc_update") == BytesView::npos) continue;
        const auto design = parse_json(body->text());
        if (design.has_error()) continue;
        Bytes text;
        append_document(text, *view, row->id, row->head.winner, *body, nullptr, {});
        auto validator =
            make_validator(runtime,
                           {database.name() + " " + database.entry().uuid, std::string(row->id),
                            to_string(row->head.winner), std::move(text)},
                           *design);
        if (validator) validators->validators_.push_back(std::move(validator));
    }
    database.designs().keep(version, validators);
    return validators;
}

std::vector<std::optional<Error>> Validators::judge(const Database& database,
                                                    std::span<const Edit> edits,
                                                    const ValidationContext& context) const {
    std::vector<std::optional<Error>> refusals(edits.size());
    if (validators_.empty()) return refusals;
    auto waiting = candidates(*database.view(), edits);
    for (const auto& validator : validators_) {
        if (waiting.empty()) break;
        ask(*validator, waiting, context, refusals);
    }
    return refusals;
}

std::string user_context_json(const Identity& who, std::string_view database) {
    std::string out = R"({"db":)";
    append_json_string(out, database);
    out += R"(,"name":)";
    if (who.name.empty()) {
        out += "null";
    } else {
        append_json_string(out, who.name);
    }
    out += R"(,"roles":[)";
    for (std::size_t i = 0; i < who.roles.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, who.roles[i]);
    }
    out += "]}";
    return out;
}

}  // namespace divan::storage
