#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "tools/import/unpack.h"

namespace divan::import {

/// A file read from its beginning, unpacked where its first bytes say that it is gzip or zstd.
class TextFile {
public:
    /// Throws `std::system_error` where it cannot be opened.
    explicit TextFile(const std::filesystem::path& path);

    /// Replaces `out` by some more bytes; false at the end. Throws `Damage` where a packed file is
    /// broken or ends early, `std::system_error` where the disk cannot be read.
    bool read(std::string& out);

private:
    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    bool read_raw(std::string& out);

    std::unique_ptr<std::FILE, Close> file_;
    std::optional<Unpacker> unpacker_;
    std::string raw_;        ///< Bytes of the file that were not given out yet,
    std::size_t used_ = 0;  ///< from here on.
};

}  // namespace divan::import
