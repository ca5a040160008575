#include "storage/query/js/protocol.h"

#include <algorithm>
#include <cstring>

namespace divan::storage::js {
namespace {

constexpr std::size_t read_bytes_min = std::size_t{64} << 10;
constexpr std::size_t kept_bytes_max = std::size_t{4} << 20;

}  // namespace

std::span<char> FrameBuffer::space() {
    if (begin_ == end_) {
        begin_ = end_ = 0;
        if (bytes_.size() > kept_bytes_max) bytes_ = Bytes();
    }
    if (bytes_.size() - end_ < read_bytes_min) {
        std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        if (bytes_.size() - end_ < read_bytes_min) {
            bytes_.resize(std::max(bytes_.size() * 2, end_ + read_bytes_min));
        }
    }
    return {bytes_.data() + end_, bytes_.size() - end_};
}

std::optional<BytesView> FrameBuffer::next() {
    const BytesView waiting(bytes_.data() + begin_, end_ - begin_);
    if (waiting.size() < frame_header_bytes) return std::nullopt;
    const std::size_t length = ByteReader(waiting).u32();
    if (length == 0 || length > frame_bytes_max) throw BadFrame();
    if (waiting.size() - frame_header_bytes < length) return std::nullopt;
    begin_ += frame_header_bytes + length;
    return waiting.substr(frame_header_bytes, length);
}

BytesView FrameWriter::bytes() {
    if (size() > frame_bytes_max) throw BadFrame();
    Bytes header;
    ByteWriter(header).u32(static_cast<std::uint32_t>(size()));
    std::copy(header.begin(), header.end(), bytes_.begin());
    return bytes_;
}

}  // namespace divan::storage::js
