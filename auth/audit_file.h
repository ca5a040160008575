#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "auth/audit_line.h"

namespace divan::auth {

struct TimedAuditEvent {
    AuditEvent event;
    std::int64_t unix_seconds;
};

/// The audit files of a folder, oldest first: "audit-00000001.jsonl" …
std::vector<std::filesystem::path> audit_files(const std::filesystem::path& folder);

/// The end of the chain on the disk: where lines are appended. One thread; one object a folder.
class AuditFile {
public:
    /// Opens the last file of the folder, or begins the first one. Throws `std::runtime_error`
    /// where that cannot be done.
    AuditFile(std::filesystem::path folder, std::uint64_t bytes_max, AuditSync sync);
    ~AuditFile();
    AuditFile(const AuditFile&) = delete;
    AuditFile& operator=(const AuditFile&) = delete;

    /// Appends all of them or none. 0, or what failed (`errno`).
    int append(std::span<const TimedAuditEvent> events);
    const AuditHead& head() const { return head_; }
    const std::filesystem::path& path() const { return path_; }
    /// What opening found behind the last whole line, and cut off.
    std::uint64_t torn_bytes() const { return torn_bytes_; }

private:
    void open_last(const std::vector<std::filesystem::path>& files);
    int begin(std::uint64_t file_number);
    int write(std::string_view text) const;
    void close();

    const std::filesystem::path folder_;
    const std::uint64_t bytes_max_;
    const AuditSync sync_;
    std::filesystem::path path_;
    std::uint64_t file_number_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t torn_bytes_ = 0;
    int descriptor_ = -1;
    bool full_ = false;   ///< The next line begins another file.
    bool dirty_ = false;  ///< Bytes of a write that failed may stand behind `size_`.
    AuditHead head_;
};

}  // namespace divan::auth
