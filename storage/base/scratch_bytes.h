#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace divan {

/// Bytes to write into and use again: grows without clearing what it grows by.
class ScratchBytes {
public:
    const char* data() const { return bytes_.get(); }
    char* data() { return bytes_.get(); }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    std::string_view view() const { return {bytes_.get(), size_}; }
    std::string_view view(std::size_t begin, std::size_t end) const {
        return {bytes_.get() + begin, end - begin};
    }

    /// Where the next bytes go, with room for `count` of them. `end_at` tells how far it went.
    char* room(std::size_t count) {
        if (capacity_ - size_ < count) grow(count);
        return bytes_.get() + size_;
    }
    void end_at(const char* end) { size_ = static_cast<std::size_t>(end - bytes_.get()); }

    void push_back(char byte) {
        *room(1) = byte;
        ++size_;
    }
    void append(std::string_view bytes) {
        if (bytes.empty()) return;
        std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
        size_ += bytes.size();
    }
    void resize_down(std::size_t size) { size_ = size; }
    void clear() { size_ = 0; }
    /// Gives the memory back where it is more than `bytes_max`.
    void shrink(std::size_t bytes_max) {
        if (capacity_ <= bytes_max) return;
        bytes_.reset();
        size_ = capacity_ = 0;
    }

private:
    void grow(std::size_t count) {
        const std::size_t wanted =
            std::max(size_ + count, std::max<std::size_t>(capacity_ * 2, 4096));
        std::unique_ptr<char[]> grown(new char[wanted]);
        if (size_ != 0) std::memcpy(grown.get(), bytes_.get(), size_);
        bytes_ = std::move(grown);
        capacity_ = wanted;
    }

    std::unique_ptr<char[]> bytes_;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace divan
