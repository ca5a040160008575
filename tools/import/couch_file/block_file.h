#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace divan::import {

inline constexpr std::uint64_t block_bytes = 4096;

/// A file in the layout of couch_file: blocks of 4096 bytes whose first byte says whether a header
/// begins there (1) or data goes on (0), and chunks of data with a length and mostly a checksum.
/// Only reads. Any thread: every read names its place.
class BlockFile {
public:
    /// Throws `std::system_error` where it cannot be opened.
    explicit BlockFile(const std::filesystem::path& path);
    ~BlockFile();
    BlockFile(const BlockFile&) = delete;
    BlockFile& operator=(const BlockFile&) = delete;

    std::uint64_t size() const { return size_; }

    /// What one reader read last: chunks that stand one behind the other cost one call of the
    /// system for many. Used by one thread, with one file.
    class Window {
    private:
        friend class BlockFile;
        std::unique_ptr<char[]> bytes_;
        std::uint64_t begin_ = 0, end_ = 0;  ///< Of the file.
    };

    /// The chunk at `position`, its checksum (MD5 or xxHash128) verified where it has one. Throws
    /// `Damage`, and `std::system_error` where the disk cannot be read.
    std::string chunk(std::uint64_t position) const;
    std::string chunk(std::uint64_t position, Window& window) const;
    /// A chunk that is a term, uncompressed.
    std::string term(std::uint64_t position) const;
    std::string term(std::uint64_t position, Window& window) const;

    /// The newest whole header that begins before `end`, found by going back block by block from
    /// there: what follows it is a torn tail, or what was not committed yet.
    struct Header {
        std::uint64_t position;
        std::string bytes;  ///< A term.
    };
    std::optional<Header> newest_header(std::uint64_t end) const;

private:
    void read(std::uint64_t position, std::span<char> out) const;
    void look(std::uint64_t position, Window& window) const;
    void read_data(std::uint64_t position, std::span<char> out) const;
    std::string data(std::uint64_t& position, std::size_t size) const;
    std::optional<std::string> header_at(std::uint64_t position) const;

    int descriptor_;
    std::uint64_t size_ = 0;
};

}  // namespace divan::import
