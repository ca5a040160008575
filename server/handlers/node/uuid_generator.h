#pragma once

#include <cstdint>
#include <mutex>
#include <string>

namespace divan::server {

class Config;

/// Makes ids as CouchDB does, by `[uuids] algorithm`; one that is unknown counts as "sequential".
/// Any thread. CouchDB: couch_uuids.
class UuidGenerator {
public:
    std::string next(const Config& config);

private:
    std::string sequential();
    /// Microseconds since 1970, 14 hexadecimal digits; never the same twice.
    std::string time_prefix();

    std::mutex mutex_;
    std::string prefix_;           ///< Of sequential ids: 26 hexadecimal digits.
    std::uint32_t sequence_ = 0;   ///< What the next one ends in.
    std::uint64_t last_time_ = 0;
};

}  // namespace divan::server
