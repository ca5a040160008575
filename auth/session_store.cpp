#include "auth/session_store.h"

namespace divan::auth {
namespace {

constexpr std::size_t in_use_max = 50'000;
constexpr std::size_t touched_max = 10'000;

}  // namespace

SessionStore::SessionStore(SystemStore& store) : store_(store), in_use_(in_use_max) {}

SessionStore::Record SessionStore::cached(const Bytes& key) {
    const std::lock_guard lock(mutex_);
    const auto* record = in_use_.find(key);
    return record == nullptr ? nullptr : *record;
}

void SessionStore::add(const SessionRecord& record, storage::Batch also) {
    const std::lock_guard writing(write_mutex_);
    write(record, std::move(also));
}

bool SessionStore::replace(const SessionRecord& record, storage::Batch also) {
    const std::lock_guard writing(write_mutex_);
    if (!store_.get(RecordKind::session, session_key(record.user, record.id))) return false;
    write(record, std::move(also));
    return true;
}

void SessionStore::write(const SessionRecord& record, storage::Batch batch) {
    const auto key = session_key(record.user, record.id);
    SystemStore::put(batch, RecordKind::session, key, encode_session(record));
    store_.commit(batch);
    const std::lock_guard lock(mutex_);
    in_use_.put(key, std::make_shared<const SessionRecord>(record));
    touched_.erase(key);
}

SessionStore::Record SessionStore::find(std::string_view user, std::string_view id) {
    const auto key = session_key(user, id);
    std::uint64_t erasures = 0;
    {
        const std::lock_guard lock(mutex_);
        if (const auto* record = in_use_.find(key)) return *record;
        if (const auto touched = touched_.find(key); touched != touched_.end()) {
            return in_use_.put(key, touched->second);
        }
        erasures = erasures_;
    }
    const auto value = store_.get(RecordKind::session, key);
    if (!value) return nullptr;
    const auto record = std::make_shared<const SessionRecord>(decode_session(key, *value));
    const std::lock_guard lock(mutex_);
    if (erasures == erasures_) in_use_.put(key, record);
    return record;
}

void SessionStore::touch(const SessionRecord& record, std::int64_t last_used, std::int64_t issued) {
    const auto key = session_key(record.user, record.id);
    auto changed = std::make_shared<SessionRecord>(record);
    changed->last_used = last_used;
    changed->issued = issued;
    bool many = false;
    {
        const std::lock_guard lock(mutex_);
        auto* present = in_use_.find(key);
        if (present == nullptr) return;
        *present = changed;
        touched_.insert_or_assign(key, std::move(changed));
        many = touched_.size() >= touched_max;
    }
    if (many) flush();
}

void SessionStore::each(const std::string* user,
                        const std::function<void(const SessionRecord&)>& visit) {
    const auto prefix = user == nullptr ? Bytes() : session_key_prefix(*user);
    store_.each(RecordKind::session, prefix, [&](std::string_view key, BytesView value) {
        const auto newer = cached(Bytes(key));
        visit(newer ? *newer : decode_session(key, value));
        return true;
    });
}

std::size_t SessionStore::erase(const std::vector<SessionRecord>& records) {
    storage::Batch batch;
    std::size_t found = 0;
    const std::lock_guard writing(write_mutex_);
    for (const auto& record : records) {
        const auto key = session_key(record.user, record.id);
        if (store_.get(RecordKind::session, key)) ++found;
        SystemStore::erase(batch, RecordKind::session, key);
        SystemStore::erase(batch, RecordKind::token_family, record.id);
    }
    if (found == 0) return 0;
    store_.commit(batch);
    const std::lock_guard lock(mutex_);
    for (const auto& record : records) {
        const auto key = session_key(record.user, record.id);
        in_use_.erase(key);
        touched_.erase(key);
    }
    ++erasures_;
    return found;
}

void SessionStore::flush() {
    const std::lock_guard writing(write_mutex_);
    std::unordered_map<Bytes, Record> touched;
    {
        const std::lock_guard lock(mutex_);
        touched.swap(touched_);
    }
    if (touched.empty()) return;
    storage::Batch batch;
    for (const auto& [key, record] : touched) {
        SystemStore::put(batch, RecordKind::session, key, encode_session(*record));
    }
    store_.commit(batch, storage::Durability::buffered);
}

}  // namespace divan::auth
