#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/query/mango/find_options.h"
#include "storage/query/mango/index.h"
#include "storage/query/mango/ranges.h"

namespace divan::storage::mango {

/// The indexes of one database, `all_docs_index()` among them, sorted.
using Indexes = std::shared_ptr<const std::vector<Index>>;

/// What was made of one index on the way to the choice.
struct Candidate {
    const Index* index;
    bool global = false;    ///< Without a partial filter.
    bool in_scope = false;  ///< Global or named by the query, and partitioned as the query is.
    bool usable = false;
    bool allowed = false;  ///< Usable, and not excluded by `use_index`.
    bool of_type = false;  ///< Allowed, and of the type that goes first: `json` before `_all_docs`.
    std::vector<std::string> reasons;  ///< Why it is not usable.
    std::vector<FieldRange> prefix;    ///< Of `of_type`: the ranges of its leading fields.
    std::size_t distance = 0;          ///< Ranges of the selector that the prefix lacks.
    std::size_t place = 0;             ///< Of `of_type`: 0 is the chosen one.
};

/// How a query is to be answered.
struct Plan {
    Indexes indexes;
    std::vector<Candidate> candidates;  ///< Of each index, in order.
    const Index* index = nullptr;       ///< Null where none is usable: `_explain` only.
    std::vector<FieldRange> ranges;     ///< Of the leading fields of `index`.
    bool nothing = false;               ///< Nothing can match: no index is asked.
    bool covering = false;              ///< The index has all that is asked for.
};

enum class PlanFor : std::uint8_t { find, explain };

/// Chooses as CouchDB does: mango_idx:get_usable_indexes/4, mango_cursor:create/4,
/// mango_cursor_view:choose_best_index/1. Throws `Refused` with their sentences where no index
/// serves the query.
Plan make_plan(Indexes indexes, const FindOptions& options, bool partitioned, PlanFor purpose);

/// Whether an index alone has all `fields`; an empty list means whole documents.
bool covers(const Index& index, const std::vector<std::string>& fields);

/// Names an index that `use_index` named and that could not be used; empty where it was.
std::string unused_index_warning(const Index& index, const FindOptions& options);

}  // namespace divan::storage::mango
