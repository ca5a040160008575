#include "storage/base/durable_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace divan {
namespace {

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    int number() const { return number_; }
    bool open() const { return number_ >= 0; }

private:
    int number_;
};

Error failed(const std::filesystem::path& file, int error) {
    const bool full = error == ENOSPC || error == EDQUOT;
    return Error{full ? Code::storage_full : Code::storage_failed,
                 fmt::format("cannot write {}: {}", file.string(), std::strerror(error)), {}};
}

bool write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

}  // namespace

Result<void> write_durably(const std::filesystem::path& file, std::string_view text) {
    const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return failed(folder, error.value());

    auto temporary = file;
    temporary += ".new";
    {
        const Descriptor out(
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        // A file left by an earlier crash keeps its mode: set it before secrets go in.
        const bool written = out.open() && ::fchmod(out.number(), 0600) == 0 &&
                             write_all(out.number(), text) && ::fsync(out.number()) == 0;
        if (!written) return failed(temporary, errno);
    }
    if (::rename(temporary.c_str(), file.c_str()) != 0) return failed(file, errno);
    const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent.open() || ::fsync(parent.number()) != 0) return failed(folder, errno);
    return {};
}

}  // namespace divan
