#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/base/setting.h"
#include "storage/query/index/reducer.h"

namespace divan::storage {

/// A reducer of a view.
class ViewReducer : public Reducer {
public:
    /// As it is shown: JSON text.
    virtual Bytes finish(BytesView reduction) const { return Bytes(reduction); }
};

/// Whether a reduce function of a design document is one of those below.
bool is_builtin_reduce(std::string_view source);

/// `_sum`, `_count`, `_stats`, `_approx_count_distinct`, `_first`, `_last`, `_top_N`, `_bottom_N`;
/// names match by what they start with, as in CouchDB. Null where there is no such function.
///
/// `_sum` obeys `[query_server_config] reduce_limit`, `reduce_limit_threshold` and
/// `reduce_limit_ratio`.
std::shared_ptr<const ViewReducer> make_builtin_reducer(std::string_view source,
                                                        const ReadSetting& settings);

}  // namespace divan::storage
