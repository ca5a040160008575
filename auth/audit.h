#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/base/clock.h"
#include "storage/base/metrics.h"

namespace divan::auth {

/// Something that whoever answers for the server will want to know later. Texts that are empty are
/// left out, long ones are cut. Never put a secret in one: no password, code, token, cookie or key.
struct AuditEvent {
    std::string event;     ///< What happened: "sign_in", "config_changed" … (docs/DATA.md).
    bool ok = true;        ///< False: it was tried and refused.
    std::string user;      ///< Whom it concerns.
    std::string actor;     ///< Who did it, where that is somebody else.
    std::string address;   ///< Of the client: `Call::client_address`.
    std::string agent;     ///< Its User-Agent.
    std::string action;    ///< Of an access: the method.
    std::string resource;  ///< What it concerns, besides the user: a path, "section/key" …
    int status = 0;        ///< Of an access: the answer's. 0 is left out.
    std::string detail;    ///< What else is worth knowing, in words.
};

/// When what was written is forced to the disk.
enum class AuditSync : std::uint8_t {
    always,  ///< With every write; what came meanwhile goes together.
    never,   ///< When the system likes: a crash of the machine may lose the last seconds.
};

struct AuditOptions {
    std::filesystem::path folder;
    AuditSync sync = AuditSync::always;
    std::uint64_t file_bytes_max = 64 << 20;  ///< Then the next file is begun.
    std::size_t queued_max = 16 * 1024;       ///< Events that wait to be written.
};

/// The audit log: events as lines of JSON in files of a folder, each line with the SHA-256 of the
/// line before it, so that `divan-audit verify` finds what was changed or taken out. Any thread;
/// one object a folder.
///
/// Writing is another thread's work. Where the disk is full or fails, that is logged and counted
/// and tried again, and events wait; when too many wait, later ones are counted and dropped, and
/// the log says how many.
class Audit {
public:
    /// Records nothing.
    Audit();
    /// Goes on in the folder's last file, and makes the folder where it is missing. A last line
    /// that a crash has left unfinished is cut off, which the log says. Throws
    /// `std::runtime_error` where the folder cannot be used. `clock` and `metrics` outlive this.
    Audit(AuditOptions options, const Clock& clock, Metrics& metrics);
    /// Writes what waits.
    ~Audit();
    Audit(const Audit&) = delete;
    Audit& operator=(const Audit&) = delete;

    /// Never waits for the disk, never throws.
    void record(AuditEvent event) noexcept;
    /// Blocks until what was recorded before is written, or could not be.
    void flush();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace divan::auth
