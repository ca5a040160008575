#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/session_record.h"
#include "auth/system_store.h"
#include "storage/base/lru_map.h"

namespace divan::auth {

/// Sessions in the system store, those in use in memory too. Any thread.
///
/// What was erased is never given again, also not by a read that began before: `find` is as strict
/// as the disk.
class SessionStore {
public:
    using Record = std::shared_ptr<const SessionRecord>;

    /// `store` outlives this.
    explicit SessionStore(SystemStore& store);

    /// Durable when this returns. `also` joins the commit.
    void add(const SessionRecord& record, storage::Batch also = {});
    /// The same for one that is there already; false, and nothing written, where it is gone.
    bool replace(const SessionRecord& record, storage::Batch also);
    /// Null where there is none. A short read of the engine where it was not in use.
    Record find(std::string_view user, std::string_view id);
    /// Changes a session's `last_used` and `issued`, now in memory and with the next `flush` on
    /// the disk. Nothing where it is gone.
    void touch(const SessionRecord& record, std::int64_t last_used, std::int64_t issued);
    /// As they are on the disk and in memory, in no order; of all users where `user` is null.
    void each(const std::string* user, const std::function<void(const SessionRecord&)>& visit);
    /// With the token families of them. Durable when this returns. Returns how many there were.
    std::size_t erase(const std::vector<SessionRecord>& records);
    /// Writes what was touched, buffered: a crash of the machine may lose it.
    void flush();

private:
    Record cached(const Bytes& key);
    void write(const SessionRecord& record, storage::Batch batch);

    SystemStore& store_;
    std::mutex write_mutex_;  ///< One write at a time: a flush must not bring back what is erased.
    std::mutex mutex_;        ///< Guards what follows. Taken after `write_mutex_`.
    LruMap<Record> in_use_;
    std::unordered_map<Bytes, Record> touched_;  ///< By key; subset of what was in use.
    std::uint64_t erasures_ = 0;  ///< A read during which this grew may be out of date.
};

}  // namespace divan::auth
