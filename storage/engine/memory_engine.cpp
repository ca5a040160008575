#include "storage/engine/memory_engine.h"

#include <array>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>

namespace divan::storage {
namespace {

// Every commit has a number, and a key has a version for each commit that wrote it, kept while a
// snapshot may still ask for it. So a snapshot is no more than a number.
//
// Versions that nobody can see any more are found by a queue: each write that hides or erases
// something leaves a note there, and later commits work the notes off once no snapshot is older.

/// What a commit made of a key: a value, or nothing.
struct Version {
    std::uint64_t commit;
    std::optional<Bytes> value;
};

using Versions = std::vector<Version>;
using Keys = std::map<Bytes, Versions, std::less<>>;

const Bytes* visible(const Versions& versions, std::uint64_t commit) {
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
        if (version->commit <= commit) return version->value ? &*version->value : nullptr;
    }
    return nullptr;
}

class Store {
public:
    bool get(std::uint64_t commit, Family family, BytesView key, Bytes& value) const {
        const std::shared_lock lock(mutex_);
        const auto* found = find(commit, family, key);
        if (found) value = *found;
        return found != nullptr;
    }

    std::vector<std::optional<Bytes>> get_many(std::uint64_t commit, Family family,
                                               std::span<const Bytes> keys) const {
        const std::shared_lock lock(mutex_);
        std::vector<std::optional<Bytes>> values(keys.size());
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (const auto* found = find(commit, family, keys[i])) values[i] = *found;
        }
        return values;
    }

    /// The first pair at or after `key` (after it, if `beyond`) and before `upper`.
    bool forward(std::uint64_t commit, Family family, BytesView key, bool beyond, BytesView upper,
                 Bytes& found_key, Bytes& found_value) const {
        const std::shared_lock lock(mutex_);
        const auto& keys = families_[static_cast<std::size_t>(family)];
        auto at = beyond ? keys.upper_bound(key) : keys.lower_bound(key);
        for (; at != keys.end() && (upper.empty() || at->first < upper); ++at) {
            if (take(*at, commit, found_key, found_value)) return true;
        }
        return false;
    }

    /// The last pair before `key` (or at it, if `inclusive`) and not before `lower`.
    bool back(std::uint64_t commit, Family family, BytesView key, bool inclusive, BytesView lower,
              Bytes& found_key, Bytes& found_value) const {
        const std::shared_lock lock(mutex_);
        const auto& keys = families_[static_cast<std::size_t>(family)];
        auto at = inclusive ? keys.upper_bound(key) : keys.lower_bound(key);
        while (at != keys.begin() && (--at)->first >= lower) {
            if (take(*at, commit, found_key, found_value)) return true;
        }
        return false;
    }

    void commit(const Batch& batch) {
        const std::unique_lock lock(mutex_);
        const auto number = newest_ + 1;
        for (const auto& entry : batch.entries()) apply(entry, number);
        newest_ = number;
        forget();
    }

    std::uint64_t bytes(Family family, BytesView from, BytesView to) const {
        const std::shared_lock lock(mutex_);
        const auto& keys = families_[static_cast<std::size_t>(family)];
        std::uint64_t sum = 0;
        for (auto at = keys.lower_bound(from);
             at != keys.end() && (to.empty() || at->first < to); ++at) {
            if (const auto* value = visible(at->second, newest_)) {
                sum += at->first.size() + value->size();
            }
        }
        return sum;
    }

    std::uint64_t newest() const {
        const std::shared_lock lock(mutex_);
        return newest_;
    }

    /// From now on, all that the newest commit sees stays until `release`.
    std::uint64_t hold() {
        const std::unique_lock lock(mutex_);
        held_.insert(newest_);
        return newest_;
    }
    void hold_again(std::uint64_t commit) {
        const std::unique_lock lock(mutex_);
        held_.insert(commit);
    }
    void release(std::uint64_t commit) {
        const std::unique_lock lock(mutex_);
        held_.erase(held_.find(commit));
    }

private:
    const Bytes* find(std::uint64_t commit, Family family, BytesView key) const {
        const auto& keys = families_[static_cast<std::size_t>(family)];
        const auto at = keys.find(key);
        return at == keys.end() ? nullptr : visible(at->second, commit);
    }

    static bool take(const Keys::value_type& pair, std::uint64_t commit, Bytes& key, Bytes& value) {
        const auto* found = visible(pair.second, commit);
        if (!found) return false;
        // The caller's own key may be the view that is searched for: it is written last.
        value = *found;
        key = pair.first;
        return true;
    }

    void apply(const Batch::Entry& entry, std::uint64_t number) {
        auto& keys = families_[static_cast<std::size_t>(entry.family)];
        switch (entry.kind) {
            case Batch::Kind::put:
                write(entry.family, *keys.try_emplace(entry.key).first, number, entry.value);
                break;
            case Batch::Kind::erase:
                if (const auto at = keys.find(entry.key); at != keys.end()) {
                    write(entry.family, *at, number, std::nullopt);
                }
                break;
            case Batch::Kind::erase_range:
                for (auto at = keys.lower_bound(entry.key);
                     at != keys.end() && at->first < entry.value; ++at) {
                    write(entry.family, *at, number, std::nullopt);
                }
                break;
        }
    }

    void write(Family family, Keys::value_type& pair, std::uint64_t number,
               std::optional<Bytes> value) {
        auto& versions = pair.second;
        if (!versions.empty() && versions.back().commit == number) {
            versions.back().value = std::move(value);
        } else {
            versions.push_back({number, std::move(value)});
        }
        if (versions.size() > 1 || !versions.back().value) {
            hidden_.push_back({family, pair.first, number});
        }
    }

    // Works off the notes of versions that every snapshot has behind it.
    void forget() {
        const auto oldest = held_.empty() ? newest_ : *held_.begin();
        for (; !hidden_.empty() && hidden_.front().commit <= oldest; hidden_.pop_front()) {
            auto& keys = families_[static_cast<std::size_t>(hidden_.front().family)];
            const auto at = keys.find(hidden_.front().key);
            if (at == keys.end()) continue;
            auto& versions = at->second;
            while (versions.size() > 1 && versions[1].commit <= oldest) {
                versions.erase(versions.begin());
            }
            if (versions.size() == 1 && !versions[0].value) keys.erase(at);
        }
    }

    struct Hidden {
        Family family;
        Bytes key;
        std::uint64_t commit;
    };

    mutable std::shared_mutex mutex_;
    std::array<Keys, family_count> families_;
    std::uint64_t newest_ = 0;
    std::multiset<std::uint64_t> held_;
    std::deque<Hidden> hidden_;
};

/// A moment that stays readable while this lives.
class Hold {
public:
    explicit Hold(Store& store) : store_(store), commit_(store.hold()) {}
    Hold(const Hold& other) : store_(other.store_), commit_(other.commit_) {
        store_.hold_again(commit_);
    }
    Hold& operator=(const Hold&) = delete;
    ~Hold() { store_.release(commit_); }

    const Store& store() const { return store_; }
    std::uint64_t commit() const { return commit_; }

private:
    Store& store_;
    const std::uint64_t commit_;
};

class MemoryCursor final : public Cursor {
public:
    MemoryCursor(const Hold& hold, Family family, BytesView lower, BytesView upper)
        : hold_(hold), family_(family), lower_(lower), upper_(upper) {}

    bool valid() const override { return valid_; }
    void seek(BytesView key) override { forward(std::max(key, BytesView(lower_)), false); }
    void seek_back(BytesView key) override {
        const bool inside = upper_.empty() || key < upper_;
        back(inside ? key : BytesView(upper_), inside);
    }
    void next() override {
        DIVAN_CHECK(valid_);
        forward(key_, true);
    }
    void previous() override {
        DIVAN_CHECK(valid_);
        back(key_, false);
    }
    BytesView key() const override { return key_; }
    BytesView value() const override { return value_; }

private:
    void forward(BytesView from, bool beyond) {
        valid_ = hold_.store().forward(hold_.commit(), family_, from, beyond, upper_, key_, value_);
    }
    void back(BytesView from, bool inclusive) {
        valid_ = hold_.store().back(hold_.commit(), family_, from, inclusive, lower_, key_, value_);
    }

    const Hold hold_;
    const Family family_;
    const Bytes lower_, upper_;
    bool valid_ = false;
    Bytes key_, value_;
};

class MemorySnapshot final : public Snapshot {
public:
    explicit MemorySnapshot(Store& store) : hold_(store) {}

    bool get(Family family, BytesView key, Bytes& value) const override {
        return hold_.store().get(hold_.commit(), family, key, value);
    }
    std::vector<std::optional<Bytes>> get_many(Family family,
                                               std::span<const Bytes> keys) const override {
        return hold_.store().get_many(hold_.commit(), family, keys);
    }
    std::unique_ptr<Cursor> cursor(Family family, BytesView lower, BytesView upper) const override {
        return std::make_unique<MemoryCursor>(hold_, family, lower, upper);
    }

private:
    const Hold hold_;
};

class MemoryEngine final : public Engine {
public:
    bool get(Family family, BytesView key, Bytes& value) const override {
        return store_.get(newest, family, key, value);
    }
    std::vector<std::optional<Bytes>> get_many(Family family,
                                               std::span<const Bytes> keys) const override {
        return store_.get_many(newest, family, keys);
    }
    std::unique_ptr<Cursor> cursor(Family family, BytesView lower, BytesView upper) const override {
        return std::make_unique<MemoryCursor>(Hold(store_), family, lower, upper);
    }
    std::unique_ptr<Snapshot> snapshot() const override {
        return std::make_unique<MemorySnapshot>(store_);
    }
    void commit(const Batch& batch, Durability) override { store_.commit(batch); }
    void compact(Family, BytesView, BytesView) override {}
    std::uint64_t approximate_bytes(Family family, BytesView from, BytesView to) const override {
        return store_.bytes(family, from, to);
    }

private:
    static constexpr std::uint64_t newest = UINT64_MAX;

    // Taking a snapshot leaves a mark in the store, though nothing that can be read changes.
    mutable Store store_;
};

}  // namespace

std::unique_ptr<Engine> make_memory_engine() {
    return std::make_unique<MemoryEngine>();
}

}  // namespace divan::storage
