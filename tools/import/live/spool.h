#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/digest.h"
#include "tools/import/model.h"

namespace divan::import {

/// A nameless file for what is too large to be kept in memory. Appended to by one thread; read by
/// any. Throws `std::system_error` where the disk cannot.
class Spool {
public:
    Spool() = default;
    ~Spool();
    Spool(const Spool&) = delete;
    Spool& operator=(const Spool&) = delete;

    std::uint64_t append(std::string_view bytes);  ///< Returns where they begin.
    void read(std::uint64_t position, std::uint64_t size, const TakeBytes& take) const;
    /// Appends at most `size` bytes to `out`, one at least.
    std::size_t read_piece(std::uint64_t position, std::uint64_t size, std::string& out) const;

private:
    int descriptor_ = -1;
    std::uint64_t size_ = 0;
};

/// Bytes that come piece by piece: in memory while they are few, else in a spool.
class SpooledBytes {
public:
    explicit SpooledBytes(std::shared_ptr<Spool> spool) : spool_(std::move(spool)) {}

    void append(std::string_view bytes);
    std::uint64_t size() const { return size_; }
    /// Of all that was appended; once, at the end.
    Md5Digest digest() { return md5_.finish(); }
    void read(const TakeBytes& take) const;
    /// Appends at most `size` bytes from `position` on; returns how many.
    std::size_t read_piece(std::uint64_t position, std::uint64_t size, std::string& out) const;

private:
    std::shared_ptr<Spool> spool_;
    std::string memory_;
    /// Where they are in the spool, which others append to in between.
    struct Extent {
        std::uint64_t position, size;
    };
    void spool(std::string_view bytes);

    std::vector<Extent> extents_;
    std::uint64_t size_ = 0;
    Md5 md5_;
};

}  // namespace divan::import
