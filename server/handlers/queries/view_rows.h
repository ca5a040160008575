#pragma once

#include <memory>
#include <string_view>

#include "server/handlers/queries/row_answer.h"
#include "server/handlers/queries/row_query.h"
#include "storage/query/index/indexes.h"
#include "storage/query/view/view_group.h"

namespace divan::server {

/// What a query of a view reads: as of one moment.
struct ViewReading {
    std::shared_ptr<const storage::ViewGroup> group;
    std::shared_ptr<const storage::IndexReading> index;
    storage::ViewGroup::View view;
};

/// Refuses a range whose end comes before its start: couch_mrview_util:check_range/2.
Result<void> check_range(const RowQuery& query, const ViewReading& reading);

/// The rows of a view, or their reductions where the view reduces and the query does not say
/// otherwise. `query` has passed `check_view_rows`.
std::unique_ptr<RowList> list_view(const RowQuery& query, ViewReading reading);

}  // namespace divan::server
