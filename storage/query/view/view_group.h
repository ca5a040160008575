#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/json.h"
#include "storage/base/setting.h"
#include "storage/query/index/mapper.h"
#include "storage/query/js/functions.h"
#include "storage/query/view/reducers.h"

namespace divan::storage {

/// The views of one design document, and the index that they share:
/// couch_mrview_util:ddoc_to_mrst/2. Views with the same map function and options are one tree.
/// Design documents that differ in the names of their views alone share an index too.
struct ViewGroup {
    struct View {
        std::size_t tree = 0;
        std::optional<std::size_t> reducer;  ///< In its tree.
    };
    std::string language;
    std::map<std::string, View, std::less<>> views;
    std::shared_ptr<const IndexDefinition> definition;
    std::vector<std::vector<std::shared_ptr<const ViewReducer>>> reducers;  ///< By tree.

    /// Throws `Refused` with `not_found` "missing_named_view".
    const View& view(std::string_view name) const;
    const ViewReducer& reducer(const View& view) const {
        return *reducers[view.tree][*view.reducer];
    }
};

/// What views need besides the design document. Called on any thread.
struct ViewEnvironment {
    js::Runtime& javascript;
    ReadSetting settings;
};

/// Reads a design document. Throws `Refused` where a reduce function is none. Where its language is
/// none that is known, building the index refuses (`unknown_query_language`).
std::shared_ptr<const ViewGroup> make_view_group(const js::Design& design, bool partitioned,
                                                 const ViewEnvironment& environment);

}  // namespace divan::storage
