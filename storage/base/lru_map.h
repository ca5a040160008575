#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "storage/base/error.h"

namespace divan {

/// Values by text, at most `entries_max` of them: the least recently used makes room. Not for
/// several threads at once.
template <class Value>
class LruMap {
public:
    explicit LruMap(std::size_t entries_max) : entries_max_(entries_max) {
        DIVAN_CHECK(entries_max > 0);
    }

    /// Null where there is none. Counts as a use; valid until the next `put` or `erase`.
    Value* find(std::string_view key) {
        const auto found = index_.find(key);
        if (found == index_.end()) return nullptr;
        entries_.splice(entries_.begin(), entries_, found->second);
        return &found->second->second;
    }
    Value& put(std::string_view key, Value value) {
        if (Value* present = find(key)) return *present = std::move(value);
        if (entries_.size() == entries_max_) {
            index_.erase(entries_.back().first);
            entries_.pop_back();
        }
        entries_.emplace_front(std::string(key), std::move(value));
        index_.emplace(entries_.front().first, entries_.begin());
        return entries_.front().second;
    }
    void erase(std::string_view key) {
        const auto found = index_.find(key);
        if (found == index_.end()) return;
        const auto entry = found->second;
        index_.erase(found);
        entries_.erase(entry);
    }
    std::size_t size() const { return entries_.size(); }

private:
    using Entries = std::list<std::pair<std::string, Value>>;

    const std::size_t entries_max_;
    Entries entries_;  ///< Most recently used first.
    /// Its keys are those of `entries_`.
    std::unordered_map<std::string_view, typename Entries::iterator> index_;
};

}  // namespace divan
