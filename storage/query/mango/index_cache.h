#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/database/read_view.h"
#include "storage/query/mango/planner.h"

namespace divan::storage::mango {

/// The indexes of databases, read from their design documents and kept while those stay as they
/// are. Any thread.
class IndexCache {
public:
    /// Those of the view's database at its moment, sorted. Reads the engine.
    Indexes of(const ReadView& view);
    /// The same where they are at hand; else null. Cheap.
    Indexes known(const ReadView& view);

private:
    /// The design documents that are not deleted.
    struct Design {
        std::string id;
        Revision winner;
        bool operator==(const Design&) const = default;
    };
    struct Entry {
        std::uint64_t commits = 0;  ///< Of the database, when this was so.
        std::vector<Design> designs;
        Indexes indexes;
    };
    static constexpr std::size_t entries_max = 10'000;

    static std::vector<Design> read_designs(const ReadView& view);
    static Indexes read_indexes(const ReadView& view, const std::vector<Design>& designs);

    std::shared_ptr<const Entry> entry_of(const ReadView& view);

    std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const Entry>>
        entries_;  ///< By the database's uuid.
};

}  // namespace divan::storage::mango
