#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace divan {

/// Cryptographically strong. Safe on any thread.
std::string random_bytes(std::size_t count);
std::uint64_t random_u64();
/// 32 hexadecimal digits.
std::string random_uuid();

}  // namespace divan
