#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"

namespace divan::server {

/// The configuration: CouchDB's ini files, later ones over earlier ones, and what was set over HTTP.
/// Any thread.
class Config {
public:
    using Section = std::map<std::string, std::string, std::less<>>;

    /// Built-in defaults only.
    Config();

    /// Reads `files` in order; values over HTTP are written to `writable` (CouchDB writes to the
    /// last file of the list). Refuses with the file, the line and what is wrong.
    Result<void> load(std::vector<std::filesystem::path> files, std::filesystem::path writable);
    /// Reads the files again; values that were set without being persisted are gone.
    Result<void> reload();

    std::optional<std::string> find(std::string_view section, std::string_view key) const;
    std::string get(std::string_view section, std::string_view key,
                    std::string_view otherwise = {}) const;
    /// CouchDB's integers; "infinity" is the largest. A value that is none counts as `otherwise`.
    std::int64_t get_integer(std::string_view section, std::string_view key,
                             std::int64_t otherwise) const;
    bool get_bool(std::string_view section, std::string_view key, bool otherwise) const;
    Section section(std::string_view name) const;
    std::map<std::string, Section, std::less<>> all() const;

    /// Sets a value now, and in the writable file where `persist`. Returns the old value.
    Result<std::optional<std::string>> set(std::string_view section, std::string_view key,
                                           std::string value, bool persist);
    /// Removes it from the writable file; a value of an earlier file shows again. Returns the old
    /// value; empty where there was none.
    Result<std::optional<std::string>> erase(std::string_view section, std::string_view key,
                                             bool persist);

    /// Grows with every change: lets others cache what they read.
    std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

private:
    mutable std::shared_mutex mutex_;
    std::map<std::string, Section, std::less<>> values_;
    std::vector<std::filesystem::path> files_;
    std::filesystem::path writable_;
    std::atomic<std::uint64_t> version_{1};
};

}  // namespace divan::server
