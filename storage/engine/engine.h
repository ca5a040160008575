#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace divan::storage {

/// Kinds of data, each tuned for its use. `docs/DATA.md` explains what each holds.
enum class Family : std::uint8_t { catalog, docs, bodies, changes, attachments, local, index };
inline constexpr std::size_t family_count = 7;

/// Changes that happen together or not at all. Later entries win over earlier ones.
class Batch {
public:
    enum class Kind : std::uint8_t { put, erase, erase_range };
    struct Entry {
        Kind kind;
        Family family;
        Bytes key;
        Bytes value;  ///< Of `erase_range`: the first key that stays.
    };

    void put(Family family, Bytes key, Bytes value) {
        bytes_ += key.size() + value.size();
        entries_.push_back({Kind::put, family, std::move(key), std::move(value)});
    }
    void erase(Family family, Bytes key) {
        bytes_ += key.size();
        entries_.push_back({Kind::erase, family, std::move(key), {}});
    }
    /// Every key in [from, to).
    void erase_range(Family family, Bytes from, Bytes to) {
        entries_.push_back({Kind::erase_range, family, std::move(from), std::move(to)});
    }
    std::span<const Entry> entries() const { return entries_; }
    bool empty() const { return entries_.empty(); }
    std::size_t bytes() const { return bytes_; }

private:
    std::vector<Entry> entries_;
    std::size_t bytes_ = 0;
};

/// A walk over the keys of one family in byte order, as of its snapshot. One thread at a time.
/// Views stay good until the cursor moves.
class Cursor {
public:
    virtual ~Cursor() = default;
    virtual bool valid() const = 0;
    /// To the first key >= `key`.
    virtual void seek(BytesView key) = 0;
    /// To the last key <= `key`.
    virtual void seek_back(BytesView key) = 0;
    virtual void next() = 0;
    virtual void previous() = 0;
    virtual BytesView key() const = 0;
    virtual BytesView value() const = 0;
};

/// What can be read, of one moment. Throws `EngineFailure` where the store is broken.
class Reader {
public:
    virtual ~Reader() = default;
    /// False where there is no such key; `value` is then unspecified.
    virtual bool get(Family family, BytesView key, Bytes& value) const = 0;
    /// As many answers as keys, in their order.
    virtual std::vector<std::optional<Bytes>> get_many(Family family,
                                                       std::span<const Bytes> keys) const = 0;
    /// Keys in [lower, upper) only. An empty `upper` is no limit. The cursor starts nowhere. It may
    /// outlive this object if this is a snapshot that the caller keeps alive.
    virtual std::unique_ptr<Cursor> cursor(Family family, BytesView lower,
                                           BytesView upper) const = 0;
};

/// A moment of the store that no later commit changes. Any thread.
class Snapshot : public Reader {};

enum class Durability : std::uint8_t {
    synced,    ///< On disk when `commit` returns, with every earlier commit.
    buffered,  ///< Survives the process's end only after a later synced commit or a clean close.
};

/// The ordered key-value store under everything. Safe from any thread; reads see the newest commit.
class Engine : public Reader {
public:
    virtual std::unique_ptr<Snapshot> snapshot() const = 0;
    /// Atomic. Throws `EngineFailure`, and nothing of the batch is then there.
    virtual void commit(const Batch& batch, Durability durability) = 0;
    /// Gives erased space in [from, to) back. May take long; changes nothing that can be read.
    virtual void compact(Family family, BytesView from, BytesView to) = 0;
    /// Bytes on disk in [from, to), about.
    virtual std::uint64_t approximate_bytes(Family family, BytesView from, BytesView to) const = 0;
};

/// The store cannot do what it must: no space, input/output error, corruption.
class EngineFailure : public std::exception {
public:
    EngineFailure(Code code, std::string message) : code_(code), message_(std::move(message)) {}
    /// `storage_full` or `storage_failed`.
    Code code() const noexcept { return code_; }
    const char* what() const noexcept override { return message_.c_str(); }

private:
    Code code_;
    std::string message_;
};

}  // namespace divan::storage
