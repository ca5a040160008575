#pragma once

#include <memory>

#include "tools/bench/kinds.h"

namespace divan::bench {

/// All changes through a filter that lets about half of them pass: a function of a design document,
/// and a selector. They count the documents that are looked at.
std::unique_ptr<Work> make_function_changes(Site& site, Limits limits, std::size_t clients,
                                            Samples& samples);
std::unique_ptr<Work> make_selector_changes(Site& site, Limits limits, std::size_t clients,
                                            Samples& samples);

}  // namespace divan::bench
