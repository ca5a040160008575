#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/config/config.h"
#include "server/http/request.h"
#include "storage/base/error.h"
#include "storage/base/json.h"

namespace divan::server {

/// The most rows a query may ask for where `[query_server_config] query_limit` says nothing
/// (couch_mrview's MAX_VIEW_LIMIT).
inline constexpr std::uint64_t row_limit_max = 0x7FFFFFFFFFFFFFF;

/// The parameters of `_all_docs`, its like, and views: couch_mrview_http:parse_params/4. They count
/// in the order given, a later one over an earlier one.
struct RowQuery {
    std::optional<JsonValue> start_key;
    std::optional<JsonValue> end_key;
    std::optional<JsonValue> keys;  ///< Any value: `check_rows` refuses what is no array.
    std::optional<std::string> start_key_docid;
    std::optional<std::string> end_key_docid;
    std::optional<std::string> partition;
    std::optional<bool> reduce;
    std::optional<bool> group;
    std::optional<std::uint64_t> group_level;
    std::uint64_t skip = 0;
    std::uint64_t limit = row_limit_max;
    bool descending = false;
    bool inclusive_end = true;
    bool include_docs = false;
    std::optional<bool> conflicts;
    bool attachments = false;
    bool att_encoding_info = false;
    bool update_seq = false;
    bool sorted = true;

    enum class Update : std::uint8_t { yes, no, lazy };
    Update update = Update::yes;  ///< Whether an index is brought up to date first.
    bool stable = false;
    /// Of `_local_docs`: without what CouchDB keeps there for itself.
    bool without_system = false;
};

/// Reads a request's query over what `query` has. Throws `Refused` with couch_mrview's sentences.
void read_parameters(const Request& request, RowQuery& query);
/// The same of the members of an object in a body. One key in `keys` counts as `key` too.
void read_members(const JsonValue& object, RowQuery& query);

/// What is refused of a query whose rows are not reduced (couch_mrview_util:validate_args/1), and
/// the limit on rows. Throws `Refused`.
void check_rows(RowQuery& query, const Config& config);

/// The same of a query of a view, which `reduces` where its rows are reduced:
/// couch_mrview_util:validate_args/2.
void check_view_rows(RowQuery& query, bool reduces, bool partitioned, const Config& config);

/// How many items of an array make a group: 0 for one group of all, `row_limit_max` for groups of
/// equal keys. couch_mrview_util:determine_group_level/1. Throws `Refused`.
std::uint64_t group_level(const RowQuery& query);

/// Keeps the query within its partition, where one is given: couch_mrview_util's
/// apply_all_docs_partition/2. Throws `Refused` where the database has none.
void keep_in_partition(RowQuery& query, bool partitioned);

/// Throws `Refused` where this is no name of a partition: couch_partition:validate_partition/1.
void check_partition_name(std::string_view partition);

}  // namespace divan::server
