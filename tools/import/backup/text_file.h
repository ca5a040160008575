#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace divan::import {

/// A file read from its beginning, unpacked where its first bytes say that it is gzip or zstd.
class TextFile {
public:
    /// Throws `std::system_error` where it cannot be opened.
    explicit TextFile(const std::filesystem::path& path);
    ~TextFile();
    TextFile(const TextFile&) = delete;
    TextFile& operator=(const TextFile&) = delete;

    /// Replaces `out` by some more bytes; false at the end. Throws `Damage` where a packed file is
    /// broken or ends early, `std::system_error` where the disk cannot be read.
    bool read(std::string& out);

private:
    class Unpacker;
    class Gzip;
    class Zstd;

    struct Close {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    bool read_raw(std::string& out);

    std::unique_ptr<std::FILE, Close> file_;
    std::unique_ptr<Unpacker> unpacker_;
    std::string first_;
};

}  // namespace divan::import
