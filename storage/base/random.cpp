#include "storage/base/random.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string_view>

#include "storage/base/digest.h"

namespace divan {
namespace {

constexpr std::size_t pool_bytes = 1024;
constexpr std::size_t uuid_bytes = 16;

void fill(unsigned char* out, std::size_t count) {
    if (RAND_bytes(out, static_cast<int>(count)) != 1) {
        throw std::runtime_error("the system gives no random bytes");
    }
}

/// Random bytes drawn ahead, for one thread. Asking OpenSSL costs a microsecond whatever the
/// count. A byte is wiped when it is given, so a secret made from it is in one place only.
class Pool {
public:
    void take(char* out, std::size_t count) {
        if (count > pool_bytes - used_) {
            fill(bytes_.data(), pool_bytes);
            used_ = 0;
        }
        std::memcpy(out, bytes_.data() + used_, count);
        std::memset(bytes_.data() + used_, 0, count);
        used_ += count;
    }

private:
    std::array<unsigned char, pool_bytes> bytes_{};
    std::size_t used_ = pool_bytes;
};

thread_local Pool pool;

}  // namespace

std::string random_bytes(std::size_t count) {
    std::string out;
    out.resize(count);
    if (count <= pool_bytes / 8) {
        pool.take(out.data(), count);
        return out;
    }
    constexpr std::size_t step_max = std::numeric_limits<int>::max();
    for (std::size_t at = 0; at < count;) {
        const std::size_t step = std::min(count - at, step_max);
        fill(reinterpret_cast<unsigned char*>(out.data()) + at, step);
        at += step;
    }
    return out;
}

std::uint64_t random_u64() {
    std::array<char, sizeof(std::uint64_t)> bytes;
    pool.take(bytes.data(), bytes.size());
    std::uint64_t value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

std::string random_uuid() {
    std::array<char, uuid_bytes> bytes;
    pool.take(bytes.data(), bytes.size());
    return hex_encode({bytes.data(), bytes.size()});
}

}  // namespace divan
