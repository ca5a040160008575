#include "server/handlers/documents/validation.h"

#include <algorithm>

#include "auth/permissions.h"
#include "server/services.h"
#include "storage/document/design_document.h"
#include "storage/query/validators.h"

namespace divan::server {
namespace {

using storage::ValidationContext;
using storage::Validators;

ValidationContext context_of(const Call& call) {
    auto security = call.db().settings()->security;
    if (security.empty()) security = auth::default_security_json;
    return {storage::user_context_json(call.identity, call.db().name()), std::move(security)};
}

/// A design document with functions that are looked at before it is written.
bool has_functions(const storage::Edit& edit) {
    return storage::is_design_id(edit.id) && !edit.deleted &&
           (edit.body.find("\"views\"") != std::string::npos ||
            edit.body.find("\"validate_doc_update\"") != std::string::npos);
}

Result<void> check_functions(const Call& call, const storage::Edit& edit) {
    auto checked = storage::check_validator(parse_json(edit.body).value());
    if (checked.has_error()) return checked;
    return call.services.javascript.check_views(call.db().name(), edit.body);
}

bool is_design(const storage::Edit& edit) {
    return storage::is_design_id(edit.id);
}

std::vector<std::optional<Error>> ask_all(const Call& call, const std::vector<storage::Edit>& edits,
                                          const Validators& validators) {
    auto refusals = validators.judge(call.db(), edits, context_of(call));
    for (std::size_t i = 0; i < edits.size(); ++i) {
        if (!has_functions(edits[i])) continue;
        const auto checked = check_functions(call, edits[i]);
        if (checked.has_error()) refusals[i] = checked.error();
    }
    return refusals;
}

}  // namespace

Task<std::vector<std::optional<Error>>> validate_edits(Call& call,
                                                       const std::vector<storage::Edit>& edits) {
    std::vector<std::optional<Error>> refusals;
    auto validators = Validators::known(call.db());
    const bool to_validate = (!validators || !validators->empty()) &&
                             !std::all_of(edits.begin(), edits.end(), is_design);
    if (!to_validate && std::none_of(edits.begin(), edits.end(), has_functions)) co_return refusals;
    co_await call.services.on_scripts([&] {
        if (!validators) validators = Validators::read(call.db(), call.services.javascript);
        refusals = ask_all(call, edits, *validators);
    });
    co_return refusals;
}

}  // namespace divan::server
