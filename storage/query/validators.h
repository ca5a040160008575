#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/identity.h"
#include "storage/database/database.h"
#include "storage/database/edit.h"
#include "storage/query/validator.h"

namespace divan::storage {

/// The validators of a database's design documents, in the order of their ids. Kept with the
/// database until a design document changes. Any thread.
class Validators final : public DerivedFromDesigns {
public:
    /// Those that were read before: cheap. Null where they were not.
    static std::shared_ptr<const Validators> known(Database& database);
    /// Reads them; for a pool.
    static std::shared_ptr<const Validators> read(Database& database, js::Runtime& runtime);

    bool empty() const { return validators_.empty(); }

    /// An entry for each edit: why it must not be written; empty where it may. Edits of design
    /// documents are not asked about, nor those that the writer will find in conflict or known
    /// (couch_db:prep_and_validate_updates/6). Blocks; for a pool.
    std::vector<std::optional<Error>> judge(const Database& database, std::span<const Edit> edits,
                                            const ValidationContext& context) const;

private:
    std::vector<std::unique_ptr<Validator>> validators_;
};

/// `userCtx` of functions: couch_util:json_user_ctx/1.
std::string user_context_json(const Identity& who, std::string_view database);

}  // namespace divan::storage
