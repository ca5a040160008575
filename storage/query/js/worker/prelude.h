#pragma once

#include "storage/base/bytes.h"

namespace divan::storage::js {

/// The text of prelude.js.
extern const BytesView prelude_source;

}  // namespace divan::storage::js
