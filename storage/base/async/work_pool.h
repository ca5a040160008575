#pragma once

#include <cstddef>
#include <memory>

#include "storage/base/async/event_loop.h"

namespace divan {

/// A pool of `threads` threads. Its destructor finishes what was posted.
std::unique_ptr<WorkPool> make_work_pool(std::size_t threads);

}  // namespace divan
