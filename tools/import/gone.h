#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "tools/import/journal.h"
#include "tools/import/run.h"

/// What imports brought, and the source no longer has.
namespace divan::import {

/// Databases that runs brought from this source, and that it no longer has; of those that the
/// options choose. To whatever target.
std::vector<Journal::Brought> gone_databases(const std::vector<Journal::Brought>& brought,
                                             const std::vector<std::string>& names,
                                             const RunOptions& options);
/// Those that the target has still.
std::vector<std::string> left_at(Target& target, const std::string& target_name,
                                 const std::vector<Journal::Brought>& gone);

/// As the journal keeps it.
Journal::BroughtLocal as_brought(const LocalDocument& at_target);

/// The local documents of one database that are gone at the source.
class GoneLocals {
public:
    /// The source has this one.
    void have(const std::string& id) { there_.insert(std::hash<std::string>()(id)); }

    struct Gone {
        LocalDocument document;  ///< At the target.
        /// A checkpoint of somebody who replicates, as an import brought it. Without it all is
        /// compared once more; with it maybe too little, as it says what the source no longer does.
        bool outdated_checkpoint;
    };
    /// Calls `visit` for those that imports brought, and that the target has still.
    void each(const std::filesystem::path& journals, const std::string& source,
              const std::string& target_name, const std::string& database, TargetDatabase& target,
              const std::function<void(Gone)>& visit) const;

private:
    std::unordered_set<std::size_t> there_;  ///< Hashes: one that is gone may pass for another.
};

}  // namespace divan::import
