#pragma once

#include <string>
#include <string_view>

#include "storage/base/error.h"

namespace divan::storage::mango {

/// Throws a bad request under one of the names of mango_error.erl.
[[noreturn]] inline void refuse(std::string_view name, std::string reason) {
    throw Refused(Error{Code::bad_request, std::move(reason), std::string(name)});
}

}  // namespace divan::storage::mango
