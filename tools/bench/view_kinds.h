#pragma once

#include <memory>

#include "tools/bench/kinds.h"

namespace divan::bench {

/// Each asks for a view that was never asked for before; its answer counts the documents mapped.
std::unique_ptr<Work> make_view_builds(Site& site, Limits limits, std::size_t clients,
                                       Samples& samples);
std::unique_ptr<Work> make_view_ranges(Site& site, Limits limits, std::size_t clients,
                                       Samples& samples);
/// The `_sum` of a random range of the view.
std::unique_ptr<Work> make_view_reduces(Site& site, Limits limits, std::size_t clients,
                                        Samples& samples);
std::unique_ptr<Work> make_view_groups(Site& site, Limits limits, std::size_t clients,
                                       Samples& samples);

}  // namespace divan::bench
