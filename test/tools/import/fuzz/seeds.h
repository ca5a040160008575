#pragma once

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace divan::import {

/// Small whole database files of different shapes. `change` is given every piece before its
/// checksum is made.
std::string seed_file(int shape, const std::function<void(std::string&)>& change);
inline constexpr int seed_shapes = 4;

/// Changes `bytes` in a few places: bits, numbers that matter, pieces doubled, moved, left out.
void mutate(std::string& bytes, std::mt19937_64& random);

}  // namespace divan::import
