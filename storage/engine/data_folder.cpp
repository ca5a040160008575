#include "storage/engine/data_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "storage/engine/engine.h"

namespace divan::storage {
namespace {

constexpr std::string_view format_file = "FORMAT";
constexpr std::string_view format_text = "divan 1\n";

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what, int error) {
    const auto code = error == ENOSPC ? Code::storage_full : Code::storage_failed;
    throw EngineFailure(
        code, fmt::format("data folder {}: {}: {}", path.string(), what, std::strerror(error)));
}

class File {
public:
    File(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags, 0644)) {}
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    bool is_open() const { return fd_ >= 0; }
    bool write(std::string_view text) {
        return ::write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    }
    bool sync() { return ::fsync(fd_) == 0; }
    /// Enough of it to tell formats apart.
    std::string read() {
        char buffer[64];
        const auto got = ::read(fd_, buffer, sizeof buffer);
        return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : std::string();
    }

private:
    int fd_;
};

std::optional<std::string> read_format(const std::filesystem::path& folder) {
    File file(folder / format_file, O_RDONLY | O_CLOEXEC);
    if (!file.is_open()) {
        if (errno == ENOENT) return std::nullopt;
        fail(folder, "cannot read FORMAT", errno);
    }
    return file.read();
}

// By a rename, so that a crash leaves a whole FORMAT or none.
void write_format(const std::filesystem::path& folder) {
    const auto temporary = folder / "FORMAT.new";
    {
        File file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
        if (!file.is_open() || !file.write(format_text) || !file.sync()) {
            fail(folder, "cannot write FORMAT", errno);
        }
    }
    if (::rename(temporary.c_str(), (folder / format_file).c_str()) != 0) {
        fail(folder, "cannot write FORMAT", errno);
    }
    File directory(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!directory.is_open() || !directory.sync()) fail(folder, "cannot sync the folder", errno);
}

bool holds_foreign_store(const std::filesystem::path& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        if (name == "CURRENT" || name.starts_with("MANIFEST-")) return true;
        if (entry.path().extension() == ".sst") return true;
    }
    return false;
}

// For a message: one line, whatever is in the file.
std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, text.find('\n'))) {
        out.push_back(c >= ' ' && c < '\x7f' ? c : '?');
    }
    return out;
}

}  // namespace

void prepare_data_folder(const std::filesystem::path& folder) {
    try {
        std::filesystem::create_directories(folder);
        const auto format = read_format(folder);
        if (!format) {
            if (holds_foreign_store(folder)) {
                throw EngineFailure(
                    Code::storage_failed,
                    fmt::format("data folder {} holds a store that has no FORMAT file: not Divan's",
                                folder.string()));
            }
            write_format(folder);
        } else if (*format != format_text) {
            throw EngineFailure(
                Code::storage_failed,
                fmt::format("data folder {} has format \"{}\"; this program reads \"{}\"",
                            folder.string(), printable(*format), printable(format_text)));
        }
    } catch (const std::filesystem::filesystem_error& error) {
        fail(folder, "cannot be used", error.code().value());
    }
}

}  // namespace divan::storage
