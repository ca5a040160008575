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
constexpr std::uint64_t window_bytes = 64 * 1024;
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

// Copies the data in `raw`, the bytes of the file from `position` on: as many as `out` has.
void copy_data(char* out, std::uint64_t position, std::string_view raw) {
    while (!raw.empty()) {
        if (position % block_bytes == 0) {
            raw.remove_prefix(1);
            ++position;
        }
        const auto part = raw.substr(0, block_bytes - position % block_bytes);
        out += part.copy(out, part.size());
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

// As many bytes of data from `position` on as `out` has, the blocks' first bytes left out.
void BlockFile::read_data(std::uint64_t position, std::span<char> out) const {
    std::string raw(end_of_data(position, out.size()) - position, '\0');
    read(position, raw);
    copy_data(out.data(), position, raw);
}

// `position` moves past them.
std::string BlockFile::data(std::uint64_t& position, std::size_t size) const {
    if (position >= size_ || size > size_ - position) throw Damage("a pointer past the file's end");
    std::string out(size, '\0');
    read_data(position, out);
    position = end_of_data(position, size);
    return out;
}

// Makes the window begin at `position` or before, and reach a block beyond it, or the file's end.
// A reader who goes on forward gets much at once, one who jumps gets a block.
void BlockFile::look(std::uint64_t position, Window& window) const {
    const auto wanted = std::min(position + block_bytes, size_);
    if (position >= window.begin_ && wanted <= window.end_) return;
    const bool forward = window.end_ != 0 && position >= window.begin_ &&
                         position < window.end_ + window_bytes;
    const auto end = std::min(position + (forward ? window_bytes : block_bytes), size_);
    if (!window.bytes_ || (forward && window.end_ - window.begin_ <= block_bytes)) {
        window.bytes_.reset(new char[forward ? window_bytes : block_bytes]);
    }
    window.end_ = 0;  // While nothing of it counts.
    read(position, {window.bytes_.get(), static_cast<std::size_t>(end - position)});
    window.begin_ = position;
    window.end_ = end;
}

std::string BlockFile::chunk(std::uint64_t position) const {
    Window window;
    return chunk(position, window);
}

// Most chunks are whole in the window.
std::string BlockFile::chunk(std::uint64_t position, Window& window) const {
    if (position >= size_) throw Damage("a pointer past the file's end");
    look(position, window);
    const auto require = [&](std::size_t size) {
        if (size > size_ - std::min(position, size_)) {
            throw Damage("a pointer past the file's end");
        }
    };
    const auto next = [&](std::span<char> out) {
        require(out.size());
        const auto end = end_of_data(position, out.size());
        if (end > window.end_) {
            read_data(position, out);
        } else {
            const auto* from = window.bytes_.get() + (position - window.begin_);
            copy_data(out.data(), position, {from, static_cast<std::size_t>(end - position)});
        }
        position = end;
    };
    std::array<char, 4> head;
    next(head);
    const auto length = ByteReader(std::string_view(head.data(), head.size())).u32();
    const bool checked = (length & checksum_flag) != 0;
    std::array<char, checksum_bytes> checksum;
    if (checked) next(checksum);
    const auto size = length & ~checksum_flag;
    require(size);
    std::string bytes(size, '\0');
    next(bytes);
    if (checked && !matches({checksum.data(), checksum.size()}, bytes)) {
        throw Damage("a checksum does not match");
    }
    return bytes;
}

std::string BlockFile::term(std::uint64_t position) const {
    return decompressed(chunk(position));
}

std::string BlockFile::term(std::uint64_t position, Window& window) const {
    return decompressed(chunk(position, window));
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
