#include "server/handlers/node/uuid_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "server/config/config.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

constexpr std::uint32_t sequence_max = 0xfff000;  ///< From here a new prefix begins.
constexpr std::uint32_t step_max = 0xffd;

template <class Unit>
std::uint64_t since_1970() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<Unit>(
        std::chrono::system_clock::now().time_since_epoch()).count());
}

std::uint32_t random_step() {
    return static_cast<std::uint32_t>(random_u64() % step_max) + 1;
}

void set_version(std::string& bytes, unsigned version) {
    bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0fU) | (version << 4U));
    bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3fU) | 0x80U);
}

std::string uuid_v4() {
    std::string bytes = random_bytes(16);
    set_version(bytes, 4);
    return bytes;
}

/// RFC 9562: the milliseconds since 1970 first, so that ids sort by time.
std::string uuid_v7() {
    std::string bytes = random_bytes(16);
    const std::uint64_t time = since_1970<std::chrono::milliseconds>();
    for (unsigned i = 0; i < 6; ++i) bytes[i] = static_cast<char>(time >> (40U - 8U * i));
    set_version(bytes, 7);
    return bytes;
}

/// 25 digits: what 2^128 - 1 takes.
std::string base36(const std::string& bytes) {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    std::string number = bytes;
    std::string text(25, '0');
    for (auto digit = text.rbegin(); digit != text.rend(); ++digit) {
        unsigned rest = 0;
        for (char& byte : number) {
            const unsigned value = (rest << 8U) | static_cast<unsigned char>(byte);
            byte = static_cast<char>(value / 36);
            rest = value % 36;
        }
        *digit = digits[rest];
    }
    return text;
}

std::string formatted(const std::string& bytes, const Config& config) {
    const std::string format = config.get("uuids", "format", "base_16");
    if (format == "base_36") return base36(bytes);
    std::string hex = hex_encode(bytes);
    if (format == "rfc9562") {
        for (const std::size_t at : {20U, 16U, 12U, 8U}) hex.insert(at, 1, '-');
    }
    return hex;
}

}  // namespace

std::string UuidGenerator::next(const Config& config) {
    const std::string algorithm = config.get("uuids", "algorithm", "sequential");
    if (algorithm == "random") return hex_encode(random_bytes(16));
    if (algorithm == "uuid_v4") return formatted(uuid_v4(), config);
    if (algorithm == "uuid_v7") return formatted(uuid_v7(), config);
    if (algorithm == "utc_random") return time_prefix() + hex_encode(random_bytes(9));
    if (algorithm == "utc_id") return time_prefix() + config.get("uuids", "utc_id_suffix");
    return sequential();
}

std::string UuidGenerator::sequential() {
    const std::lock_guard lock(mutex_);
    if (prefix_.empty() || sequence_ >= sequence_max) {
        prefix_ = hex_encode(random_bytes(13));
        sequence_ = random_step();
    } else {
        sequence_ += random_step();
    }
    return fmt::format("{}{:06x}", prefix_, sequence_);
}

std::string UuidGenerator::time_prefix() {
    const std::lock_guard lock(mutex_);
    last_time_ = std::max(last_time_ + 1, since_1970<std::chrono::microseconds>());
    return fmt::format("{:014x}", last_time_);
}

}  // namespace divan::server
