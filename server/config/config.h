#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.h"
#include "storage/base/ini.h"
#include "storage/base/setting.h"

namespace divan::server {

/// Where the configuration is read from, in order, and where changes over HTTP are written.
struct ConfigFiles {
    std::vector<std::filesystem::path> read;  ///< Files, or folders of *.ini, which are sorted.
    std::filesystem::path writable;           ///< Read last. Made when first needed, mode 0600.
};

/// `given` (the --config options), then `<data>/local.ini` and `<data>/local.d/` where they exist;
/// changes go to `<data>/local.d/zz-http.ini`.
ConfigFiles config_files(const std::filesystem::path& data,
                         std::vector<std::filesystem::path> given);

/// The configuration: CouchDB's ini files, later ones over earlier ones, and what was set over
/// HTTP. Any thread.
class Config {
public:
    using Section = std::map<std::string, std::string, std::less<>>;

    /// Built-in defaults only.
    Config();

    /// Reads `files` (files, or folders of *.ini) in order, then `writable`. Refuses with the file
    /// and what is wrong; the configuration is then as before.
    Result<void> load(std::vector<std::filesystem::path> files, std::filesystem::path writable);
    /// Reads the files again; values that were set without being persisted are gone.
    Result<void> reload();

    /// As it is written in this section.
    std::optional<std::string> find(std::string_view section, std::string_view key) const;
    /// As it counts: settings that CouchDB 1 had in `[httpd]` and `[couch_httpd_auth]` may still be
    /// there.
    std::optional<std::string> effective(std::string_view section, std::string_view key) const;
    std::string get(std::string_view section, std::string_view key,
                    std::string_view otherwise = {}) const;
    /// CouchDB's integers; "infinity" is the largest. A value that is none counts as `otherwise`.
    std::int64_t get_integer(std::string_view section, std::string_view key,
                             std::int64_t otherwise) const;
    /// "true" or "false"; any other value counts as `otherwise`.
    bool get_bool(std::string_view section, std::string_view key, bool otherwise) const;
    Section section(std::string_view name) const;
    std::map<std::string, Section, std::less<>> all() const;

    /// Sets a value now, and in the writable file where `persist` (durable when this returns).
    /// Returns the old value.
    Result<std::optional<std::string>> set(std::string_view section, std::string_view key,
                                           std::string value, bool persist);
    /// Removes it, from the writable file too where `persist`; a value of an earlier file shows
    /// again. Returns the old value; empty where there was none.
    Result<std::optional<std::string>> erase(std::string_view section, std::string_view key,
                                             bool persist);

    /// Grows with every change: lets others cache what they read.
    std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

private:
    /// Reads the writable file, changes it by `change`, writes it back.
    template <class Change>
    Result<void> rewrite(Change change);
    void publish(IniSections values);

    std::mutex write_mutex_;  ///< One change at a time; guards the two paths too.
    std::vector<std::filesystem::path> files_;
    std::filesystem::path writable_;

    mutable std::shared_mutex mutex_;  ///< Guards `values_`; never held while a file is written.
    IniSections values_;
    std::atomic<std::uint64_t> version_{1};
};

/// `config` as rooms below the server read it; it must outlive the reader.
ReadSetting setting_reader(const Config& config);

}  // namespace divan::server
