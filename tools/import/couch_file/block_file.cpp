#include "tools/import/couch_file/block_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
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
    if (checksum == as_bytes(md5(bytes))) return true;
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
    const std::string_view big_endian(reinterpret_cast<const char*>(canonical.digest),
                                      checksum_bytes);
    // exxhash writes the number in the processor's own order.
    return std::equal(checksum.begin(), checksum.end(), big_endian.rbegin(), big_endian.rend()) ||
           checksum == big_endian;
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

std::string BlockFile::raw(std::uint64_t position, std::size_t size) const {
    if (position > size_ || size > size_ - position) throw Damage("a pointer past the file's end");
    std::string bytes(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const auto got = ::pread(descriptor_, bytes.data() + done, size - done,
                                 static_cast<off_t>(position + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) io_error("cannot read the database file");
        if (got == 0) throw Damage("the file ends early");
        done += static_cast<std::size_t>(got);
    }
    return bytes;
}

// `size` bytes of data from `position` on, the blocks' first bytes left out; `position` moves past
// them.
std::string BlockFile::data(std::uint64_t& position, std::size_t size) const {
    if (position >= size_ || size > size_ - position) throw Damage("a pointer past the file's end");
    std::string out;
    out.reserve(size);
    while (out.size() < size) {
        if (position % block_bytes == 0) ++position;
        const auto in_block = block_bytes - position % block_bytes;
        const auto part = std::min<std::uint64_t>(in_block, size - out.size());
        out += raw(position, static_cast<std::size_t>(part));
        position += part;
    }
    return out;
}

std::string BlockFile::chunk(std::uint64_t position) const {
    const auto head = data(position, 4);
    const auto length = ByteReader(head).u32();
    if ((length & checksum_flag) == 0) return data(position, length);
    const auto checksum = data(position, checksum_bytes);
    auto bytes = data(position, length & ~checksum_flag);
    if (!matches(checksum, bytes)) throw Damage("a checksum does not match");
    return bytes;
}

std::string BlockFile::term(std::uint64_t position) const {
    return decompress_term(chunk(position));
}

std::optional<std::string> BlockFile::header_at(std::uint64_t position) const {
    try {
        if (raw(position, 1).front() != header_mark) return std::nullopt;
        const auto length = ByteReader(raw(position + 1, 4)).u32();
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
