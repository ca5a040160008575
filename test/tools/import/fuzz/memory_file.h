#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace divan::import {

/// A file that is in memory only, whose bytes are replaced again and again.
class MemoryFile {
public:
    MemoryFile() : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)) {
        if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "memfd");
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
    void replace(std::string_view bytes) const {
        const bool done =
            ::ftruncate(descriptor_, 0) == 0 &&
            ::pwrite(descriptor_, bytes.data(), bytes.size(), 0) ==
                static_cast<ssize_t>(bytes.size());
        if (!done) throw std::system_error(errno, std::generic_category(), "memfd");
    }

private:
    int descriptor_;
};

}  // namespace divan::import
