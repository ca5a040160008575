#include "server/handlers/documents/admission.h"

#include "server/handlers/documents/replication_documents.h"
#include "server/handlers/documents/user_documents.h"
#include "server/handlers/documents/write_checks.h"
#include "storage/database/read_view.h"

namespace divan::server {
namespace {

using storage::Revision;

using PrepareStep = Result<void> (*)(const EditContext& context, storage::Edit& edit);
using JudgeStep = Result<void> (*)(const EditContext& context, ProposedEdit& proposed);

// In the order in which they are asked.
constexpr PrepareStep prepare_steps[] = {
    prepare_user_document,
    prepare_replication_document,
};
constexpr JudgeStep judge_steps[] = {
    judge_design_document,
    judge_user_document,
    judge_replication_document,
};

}  // namespace

const storage::DocumentRecord* ProposedEdit::record() {
    if (!std::exchange(record_read_, true)) record_ = database_.view()->record(edit_.id);
    return record_ ? &*record_ : nullptr;
}

const JsonValue& ProposedEdit::document() {
    if (!document_) document_ = parse_json(edit_.body).value();
    return *document_;
}

std::optional<Revision> ProposedEdit::ancestor() {
    if (!edit_.replicated) return edit_.parent;
    const auto* stored = record();
    if (!stored) return std::nullopt;
    for (std::size_t i = 1; i < edit_.path.size() && edit_.generation > i; ++i) {
        const Revision revision{edit_.generation - i, edit_.path[i]};
        const auto found = stored->tree.find(revision);
        if (found && stored->tree.node(*found).has_body) return revision;
    }
    return std::nullopt;
}

const JsonValue* ProposedEdit::old() {
    if (!std::exchange(old_read_, true)) {
        const auto revision = ancestor();
        const auto body = revision ? database_.view()->body(edit_.id, *revision) : std::nullopt;
        if (body) old_ = parse_json(body->text()).value();
    }
    return old_ ? &*old_ : nullptr;
}

bool ProposedEdit::in_conflict() {
    if (edit_.replicated) return false;
    const auto* stored = record();
    if (!stored) return edit_.parent.has_value();
    const auto& tree = stored->tree;
    if (!edit_.parent) return !tree.node(tree.winner()).deleted;
    const auto found = tree.find(*edit_.parent);
    return !found || !tree.node(*found).leaf;
}

bool ProposedEdit::known() {
    const auto* stored = edit_.replicated ? record() : nullptr;
    if (!stored) return false;
    const auto found = stored->tree.find({edit_.generation, edit_.path.front()});
    return found && stored->tree.node(*found).has_body;
}

bool Admission::slow() const {
    return holds_users(context_.services, context_.database);
}

Result<void> Admission::prepare(storage::Edit& edit) const {
    for (const auto step : prepare_steps) {
        auto prepared = step(context_, edit);
        if (prepared.has_error()) return prepared;
    }
    return {};
}

Result<bool> Admission::judge(const storage::Edit& edit) const {
    ProposedEdit proposed(context_.database, edit);
    for (const auto step : judge_steps) {
        const auto judged = step(context_, proposed);
        if (judged.has_value()) continue;
        if (proposed.known()) return false;
        if (proposed.in_conflict()) return Error{Code::conflict, {}, {}};
        return judged.error();
    }
    return true;
}

Result<bool> Admission::admit(storage::Edit& edit) const {
    const auto prepared = prepare(edit);
    if (prepared.has_error()) return prepared.error();
    return judge(edit);
}

}  // namespace divan::server
