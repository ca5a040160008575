#pragma once

#include <memory>

#include "storage/engine/engine.h"

namespace divan::storage {

/// Keeps everything in ordered maps: for tests, and to hold other engines to the same promises.
std::unique_ptr<Engine> make_memory_engine();

}  // namespace divan::storage
