#include "storage/base/error.h"

#include <cstdio>
#include <cstdlib>

namespace divan {

void fail_check(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "divan: broken promise: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace divan
