#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace divan {

using Bytes = std::string;
using BytesView = std::string_view;

/// Appends the forms that keys and values are made of.
class ByteWriter {
public:
    explicit ByteWriter(Bytes& out) : out_(out) {}

    void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
    /// Big endian, so that keys sort by number.
    void u32(std::uint32_t value);
    void u64(std::uint64_t value);
    /// LEB128: one byte below 128, ten at most.
    void varint(std::uint64_t value);
    void raw(BytesView bytes) { out_.append(bytes); }
    /// A varint length, then the bytes.
    void sized(BytesView bytes);
    /// `bytes` so that it sorts like itself whatever follows: 0 becomes 0 255; ends in 0 1.
    void ordered(BytesView bytes);

private:
    Bytes& out_;
};

/// Reads them back. Every read past the end, and every bad form, throws `CorruptBytes`.
class ByteReader {
public:
    explicit ByteReader(BytesView bytes) : rest_(bytes) {}

    std::uint8_t u8();
    std::uint32_t u32();
    std::uint64_t u64();
    std::uint64_t varint();
    /// A view into the bytes given to the constructor.
    BytesView raw(std::size_t size);
    BytesView sized();
    Bytes ordered();

    BytesView rest() const { return rest_; }
    bool empty() const { return rest_.empty(); }

private:
    BytesView rest_;
};

/// Stored bytes that are not what was written there.
class CorruptBytes : public std::exception {
public:
    const char* what() const noexcept override { return "stored bytes are corrupt"; }
};

}  // namespace divan
