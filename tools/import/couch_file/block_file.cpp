#include "tools/import/couch_file/block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term.h"

namespace divan::import {
namespace {

constexpr std::size_t checksum_bytes = 16;
constexpr std::uint32_t checksum_flag = 1U << 31;
constexpr char header_mark = 1;
// Headers hold a dozen numbers and pointers, and a line for each node that owned the file.
constexpr std::uint32_t header_bytes_max = 1 << 20;

[[noreturn]] void io_error(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool matches(std::string_view checksum, std::string_view bytes) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
    const std::string_view big_endian(reinterpret_cast<const char*>(canonical.digest),
                                      checksum_bytes);
    // exxhash writes the number in the processor's own order.
    return std::equal(checksum.begin(), checksum.end(), big_endian.rbegin(), big_endian.rend()) ||
           checksum == big_endian || checksum == as_bytes(md5(bytes));
}

// Where `size` bytes of data that begin at `position` end, the blocks' first bytes counted.
std::uint64_t end_of_data(std::uint64_t position, std::uint64_t size) {
    const auto used = position % block_bytes;  // Of a block: its first byte is none of the data.
    const auto data_before = used == 0 ? 0 : used - 1;
    const auto blocks = (data_before + size + block_bytes - 2) / (block_bytes - 1);
    const auto in_last = data_before + size - (blocks - 1) * (block_bytes - 1);
    if (size == 0) return position;
    return position - used + (blocks - 1) * block_bytes + 1 + in_last;
}

// Appends the data in `raw`, the bytes of the file from `position` on.
void append_data(std::string& out, std::uint64_t position, std::string_view raw,
                 std::size_t size) {
    out.reserve(out.size() + size);
    while (!raw.empty()) {
        if (position % block_bytes == 0) {
            raw.remove_prefix(1);
            ++position;
        }
        const auto part = raw.substr(0, block_bytes - position % block_bytes);
        out += part;
        raw.remove_prefix(part.size());
        position += part.size();
    }
}

}  // namespace

BlockFile::BlockFile(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) io_error(path.c_str());
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) {
        ::close(descriptor_);
        io_error(path.c_str());
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
}

BlockFile::~BlockFile() {
    ::close(descriptor_);
}

void BlockFile::read(std::uint64_t position, std::span<char> out) const {
    if (position > size_ || out.size() > size_ - position) {
        throw Damage("a pointer past the file's end");
    }
    while (!out.empty()) {
        const auto got =
            ::pread(descriptor_, out.data(), out.size(), static_cast<off_t>(position));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) io_error("cannot read the database file");
        if (got == 0) throw Damage("the file ends early");
        position += static_cast<std::uint64_t>(got);
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

// `size` bytes of data from `position` on, the blocks' first bytes left out; `position` moves past
// them.
std::string BlockFile::data(std::uint64_t& position, std::size_t size) const {
    if (position >= size_ || size > size_ - position) throw Damage("a pointer past the file's end");
    std::string raw(end_of_data(position, size) - position, '\0');
    read(position, raw);
    std::string out;
    append_data(out, position, raw, size);
    position += raw.size();
    return out;
}

// Most chunks are read by one call, that of their head.
std::string BlockFile::chunk(std::uint64_t position) const {
    if (position >= size_) throw Damage("a pointer past the file's end");
    std::array<char, block_bytes> buffer;
    const auto there = std::min<std::uint64_t>(buffer.size(), size_ - position);
    const std::span<char> window(buffer.data(), static_cast<std::size_t>(there));
    read(position, window);
    const auto begin = position;
    const auto next = [&](std::size_t size) {
        if (size > size_ - std::min(position, size_)) {
            throw Damage("a pointer past the file's end");
        }
        const auto end = end_of_data(position, size);
        if (end - begin > window.size()) return data(position, size);
        std::string out;
        append_data(out, position, {window.data() + (position - begin), end - position}, size);
        position = end;
        return out;
    };
    const auto length = ByteReader(next(4)).u32();
    if ((length & checksum_flag) == 0) return next(length);
    const auto checksum = next(checksum_bytes);
    auto bytes = next(length & ~checksum_flag);
    if (!matches(checksum, bytes)) throw Damage("a checksum does not match");
    return bytes;
}

std::string BlockFile::term(std::uint64_t position) const {
    return decompress_term(chunk(position));
}

std::optional<std::string> BlockFile::header_at(std::uint64_t position) const {
    try {
        std::string head(5, '\0');
        read(position, std::span(head).first(1));
        if (head.front() != header_mark) return std::nullopt;
        read(position, head);
        const auto length = ByteReader(std::string_view(head).substr(1)).u32();
        if (length <= checksum_bytes || length > header_bytes_max) return std::nullopt;
        auto from = position + 5;
        const auto bytes = data(from, length);
        auto header = bytes.substr(checksum_bytes);
        if (!matches(bytes.substr(0, checksum_bytes), header)) return std::nullopt;
        return header;
    } catch (const Damage&) {
        return std::nullopt;  // half a header: an older one is whole
    }
}

std::optional<BlockFile::Header> BlockFile::newest_header(std::uint64_t end) const {
    const auto blocks = (std::min(end, size_) + block_bytes - 1) / block_bytes;
    for (auto block = blocks; block > 0; --block) {
        const auto position = (block - 1) * block_bytes;
        if (auto bytes = header_at(position)) return Header{position, std::move(*bytes)};
    }
    return std::nullopt;
}

}  // namespace divan::import
