#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/engine/engine.h"

namespace divan::auth {

/// What a record of the server's own is about. The letter is part of its key on the disk.
enum class RecordKind : char {
    session = 's',
    token_family = 't',
    passkey = 'p',
    passkey_owner = 'o',
    recovery_code = 'r',
    invitation = 'i',
    user_settings = 'u',
    user_handle = 'h',
    secret = 'k',
    departing_user = 'l',
};

/// Records of the server's own, which no client reads or writes as documents: sessions, passkeys,
/// codes. Any thread. Throws `EngineFailure` as the engine does.
class SystemStore {
public:
    /// `engine` outlives this.
    explicit SystemStore(storage::Engine& engine) : engine_(engine) {}

    std::optional<Bytes> get(RecordKind kind, std::string_view key) const;
    /// Every record of the kind whose key starts with `prefix`, in byte order, as of one moment.
    /// `visit` is given the key without its kind; it ends the walk by returning false.
    void each(RecordKind kind, std::string_view prefix,
              const std::function<bool(std::string_view key, BytesView value)>& visit) const;

    /// To be held by who writes what depends on what they read here: passkeys and codes, which
    /// change rarely.
    [[nodiscard]] std::unique_lock<std::mutex> hold() { return std::unique_lock(change_mutex_); }

    static void put(storage::Batch& batch, RecordKind kind, std::string_view key, Bytes value);
    static void erase(storage::Batch& batch, RecordKind kind, std::string_view key);
    /// All of it or nothing; on the disk when this returns, unless `buffered`.
    void commit(const storage::Batch& batch,
                storage::Durability durability = storage::Durability::synced);

private:
    storage::Engine& engine_;
    std::mutex change_mutex_;
};

}  // namespace divan::auth
