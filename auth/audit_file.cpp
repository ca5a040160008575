#include "auth/audit_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>

namespace divan::auth {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view name_begin = "audit-";
constexpr std::string_view name_end = ".jsonl";
// Far more than a line can have: every text in it is bounded.
constexpr std::uint64_t tail_bytes_max = 256 << 10;

std::optional<std::uint64_t> number_of(const fs::path& file) {
    const std::string name = file.filename().string();
    if (!name.starts_with(name_begin) || !name.ends_with(name_end)) return std::nullopt;
    if (name.size() <= name_begin.size() + name_end.size()) return std::nullopt;
    std::uint64_t number = 0;
    const char* last = name.data() + name.size() - name_end.size();
    const auto [end, error] = std::from_chars(name.data() + name_begin.size(), last, number);
    if (error != std::errc() || end != last) return std::nullopt;
    return number;
}

[[noreturn]] void unusable(const fs::path& path, std::string_view why) {
    throw std::runtime_error(fmt::format("the audit log {}: {}", path.string(), why));
}

/// The last bytes of a file.
std::string read_tail(int descriptor, std::uint64_t size, const fs::path& path) {
    std::string tail(std::min(size, tail_bytes_max), '\0');
    std::size_t have = 0;
    while (have < tail.size()) {
        const auto at = static_cast<off_t>(size - tail.size() + have);
        const auto count = ::pread(descriptor, tail.data() + have, tail.size() - have, at);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) unusable(path, count < 0 ? std::strerror(errno) : "it shrank");
        have += static_cast<std::size_t>(count);
    }
    return tail;
}

std::uint64_t size_of(int descriptor, const fs::path& path) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0) unusable(path, std::strerror(errno));
    return static_cast<std::uint64_t>(status.st_size);
}

/// The place of the last whole line of `text`, which ends in a line feed.
std::optional<AuditHead> head_of(std::string_view text) {
    text.remove_suffix(1);
    const auto before = text.rfind('\n');
    const auto line = before == std::string_view::npos ? text : text.substr(before + 1);
    const auto link = read_audit_link(line);
    if (!link) return std::nullopt;
    return AuditHead{link->number, audit_hash(line)};
}

int sync_folder(const fs::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return errno;
    const int error = ::fsync(descriptor) == 0 ? 0 : errno;
    ::close(descriptor);
    return error;
}

}  // namespace

std::vector<fs::path> audit_files(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code error;
    for (auto entry = fs::directory_iterator(folder, error);
         !error && entry != fs::directory_iterator(); entry.increment(error)) {
        if (number_of(entry->path())) files.push_back(entry->path());
    }
    if (error) unusable(folder, error.message());
    std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
        return *number_of(a) < *number_of(b);
    });
    return files;
}

AuditFile::AuditFile(fs::path folder, std::uint64_t bytes_max, AuditSync sync)
    : folder_(std::move(folder)), bytes_max_(bytes_max), sync_(sync) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) unusable(folder_, error.message());
    fs::permissions(folder_, fs::perms::owner_all, error);
    if (error) unusable(folder_, error.message());
    const auto files = audit_files(folder_);
    if (!files.empty()) {
        open_last(files);
    } else if (const int failed = begin(1); failed != 0) {
        unusable(folder_, std::strerror(failed));
    }
}

AuditFile::~AuditFile() {
    close();
}

void AuditFile::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

// A file without a whole line was begun just before a crash: the chain's end is in the one before.
void AuditFile::open_last(const std::vector<fs::path>& files) {
    for (auto file = files.rbegin(); file != files.rend(); ++file) {
        const int descriptor = ::open(file->c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
        if (descriptor < 0) unusable(*file, std::strerror(errno));
        const bool last = file == files.rbegin();
        if (last) descriptor_ = descriptor;
        const auto size = size_of(descriptor, *file);
        const auto tail = read_tail(descriptor, size, *file);
        if (!last) ::close(descriptor);
        const auto whole = tail.rfind('\n') + 1;  // 0 where there is none
        if (whole == 0 && size > tail.size()) unusable(*file, "it has no line end");
        if (last) {
            path_ = *file;
            file_number_ = *number_of(*file);
            torn_bytes_ = tail.size() - whole;
            size_ = size - torn_bytes_;
            dirty_ = torn_bytes_ > 0;
        }
        if (whole == 0) continue;
        const auto found = head_of(std::string_view(tail).substr(0, whole));
        if (!found) unusable(*file, "its last line is none of an audit log");
        head_ = *found;
        return;
    }
}

int AuditFile::begin(std::uint64_t file_number) {
    const auto path = folder_ / fmt::format("{}{:08}{}", name_begin, file_number, name_end);
    const int descriptor =
        ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return errno;
    close();
    descriptor_ = descriptor;
    path_ = path;
    file_number_ = file_number;
    size_ = 0;
    full_ = false;
    return sync_folder(folder_);
}

int AuditFile::write(std::string_view text) const {
    while (!text.empty()) {
        const auto count = ::write(descriptor_, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return sync_ == AuditSync::always && ::fdatasync(descriptor_) != 0 ? errno : 0;
}

int AuditFile::append(std::span<const TimedAuditEvent> events) {
    if (dirty_ && ::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) return errno;
    dirty_ = false;
    if (full_ || size_ >= bytes_max_) {
        full_ = true;
        if (const int failed = begin(file_number_ + 1); failed != 0) return failed;
    }
    AuditHead head = head_;
    std::string text;
    for (const auto& one : events) {
        text += make_audit_line(one.event, one.unix_seconds, head);
        text += '\n';
    }
    if (const int failed = write(text); failed != 0) {
        dirty_ = true;
        return failed;
    }
    head_ = std::move(head);
    size_ += text.size();
    return 0;
}

}  // namespace divan::auth
