#include "tools/import/live/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace divan::import {
namespace {

constexpr std::size_t memory_bytes_max = 64 * 1024;
constexpr std::size_t step = 256 * 1024;

[[noreturn]] void io_error() {
    throw std::system_error(errno, std::generic_category(), "a temporary file");
}

}  // namespace

Spool::~Spool() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

std::uint64_t Spool::append(std::string_view bytes) {
    if (descriptor_ < 0) {
        const auto folder = std::filesystem::temp_directory_path();
        descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (descriptor_ < 0) io_error();
    }
    const auto begin = size_;
    while (!bytes.empty()) {
        const auto done =
            ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) io_error();
        size_ += static_cast<std::uint64_t>(done);
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
    return begin;
}

std::size_t Spool::read_piece(std::uint64_t position, std::uint64_t size, std::string& out) const {
    const auto before = out.size();
    out.resize(before + static_cast<std::size_t>(std::min<std::uint64_t>(step, size)));
    while (true) {
        const auto got = ::pread(descriptor_, out.data() + before, out.size() - before,
                                 static_cast<off_t>(position));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) io_error();
        out.resize(before + static_cast<std::size_t>(got));
        return static_cast<std::size_t>(got);
    }
}

void Spool::read(std::uint64_t position, std::uint64_t size, const TakeBytes& take) const {
    for (std::string piece; size > 0; piece.clear()) {
        const auto got = read_piece(position, size, piece);
        take(piece);
        position += got;
        size -= got;
    }
}

void SpooledBytes::spool(std::string_view bytes) {
    if (bytes.empty()) return;
    const auto position = spool_->append(bytes);
    if (!extents_.empty() && extents_.back().position + extents_.back().size == position) {
        extents_.back().size += bytes.size();
    } else {
        extents_.push_back({position, bytes.size()});
    }
}

void SpooledBytes::append(std::string_view bytes) {
    md5_.update(bytes);
    size_ += bytes.size();
    if (extents_.empty() && memory_.size() + bytes.size() <= memory_bytes_max) {
        memory_ += bytes;
        return;
    }
    spool(memory_);
    memory_ = {};
    spool(bytes);
}

void SpooledBytes::read(const TakeBytes& take) const {
    if (extents_.empty()) return take(memory_);
    for (const auto& extent : extents_) spool_->read(extent.position, extent.size, take);
}

std::size_t SpooledBytes::read_piece(std::uint64_t position, std::uint64_t size,
                                     std::string& out) const {
    if (extents_.empty()) {
        const auto left = std::min(size, size_ - position);
        out.append(memory_, static_cast<std::size_t>(position), static_cast<std::size_t>(left));
        return static_cast<std::size_t>(left);
    }
    for (const auto& extent : extents_) {
        if (position < extent.size) {
            return spool_->read_piece(extent.position + position,
                                      std::min(size, extent.size - position), out);
        }
        position -= extent.size;
    }
    return 0;
}

}  // namespace divan::import
