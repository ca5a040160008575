#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace divan::storage {

/// What a reader made of a database's design documents.
class DerivedFromDesigns {
public:
    virtual ~DerivedFromDesigns() = default;
};

/// Keeps one such thing with the database until a design document is written or purged. Any thread.
class DesignMemo {
public:
    /// Grows with every commit that has a design document. Read it before the documents.
    std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

    /// Null where nothing was kept since the last change.
    std::shared_ptr<const DerivedFromDesigns> get() const {
        const std::lock_guard lock(mutex_);
        return kept_version_ == version() ? kept_ : nullptr;
    }
    /// `version` is as of before the documents were read.
    void keep(std::uint64_t version, std::shared_ptr<const DerivedFromDesigns> derived) {
        const std::lock_guard lock(mutex_);
        kept_version_ = version;
        kept_ = std::move(derived);
    }
    void forget() { version_.fetch_add(1, std::memory_order_acq_rel); }

private:
    std::atomic<std::uint64_t> version_{1};
    mutable std::mutex mutex_;
    std::uint64_t kept_version_ = 0;
    std::shared_ptr<const DerivedFromDesigns> kept_;
};

}  // namespace divan::storage
