#include "storage/base/bytes.h"

namespace divan {
namespace {

constexpr unsigned varint_bytes_max = 10;

template <class T>
void append_big_endian(Bytes& out, T value) {
    for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>(value >> shift));
    }
}

template <class T>
T read_big_endian(BytesView bytes) {
    T value = 0;
    for (const char byte : bytes)
        value = static_cast<T>((value << 8) | static_cast<unsigned char>(byte));
    return value;
}

}  // namespace

void ByteWriter::u32(std::uint32_t value) {
    append_big_endian(out_, value);
}

void ByteWriter::u64(std::uint64_t value) {
    append_big_endian(out_, value);
}

void ByteWriter::varint(std::uint64_t value) {
    while (value >= 0x80) {
        out_.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
}

void ByteWriter::sized(BytesView bytes) {
    varint(bytes.size());
    out_.append(bytes);
}

void ByteWriter::ordered(BytesView bytes) {
    for (const char byte : bytes) {
        out_.push_back(byte);
        if (byte == '\0') out_.push_back('\xff');
    }
    out_.push_back('\0');
    out_.push_back('\x01');
}

std::uint8_t ByteReader::u8() {
    return static_cast<std::uint8_t>(raw(1)[0]);
}

std::uint32_t ByteReader::u32() {
    return read_big_endian<std::uint32_t>(raw(4));
}

std::uint64_t ByteReader::u64() {
    return read_big_endian<std::uint64_t>(raw(8));
}

std::uint64_t ByteReader::varint() {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < varint_bytes_max; ++i) {
        const auto byte = u8();
        value |= std::uint64_t{byte & 0x7fU} << (7 * i);
        if (byte < 0x80) return value;
    }
    throw CorruptBytes();
}

BytesView ByteReader::raw(std::size_t size) {
    if (size > rest_.size()) throw CorruptBytes();
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
}

BytesView ByteReader::sized() {
    const auto size = varint();
    if (size > rest_.size()) throw CorruptBytes();
    return raw(static_cast<std::size_t>(size));
}

Bytes ByteReader::ordered() {
    Bytes out;
    while (true) {
        const char byte = raw(1)[0];
        if (byte != '\0') {
            out.push_back(byte);
            continue;
        }
        const auto mark = u8();
        if (mark == 0x01) return out;
        if (mark != 0xff) throw CorruptBytes();
        out.push_back('\0');
    }
}

}  // namespace divan
