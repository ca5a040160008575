#include "auth/system_store.h"

#include "storage/engine/keys.h"

namespace divan::auth {
namespace {

constexpr auto family = storage::Family::catalog;

Bytes key_of(RecordKind kind, std::string_view key) {
    return storage::keys::system(static_cast<char>(kind), key);
}

}  // namespace

std::optional<Bytes> SystemStore::get(RecordKind kind, std::string_view key) const {
    Bytes value;
    if (!engine_.get(family, key_of(kind, key), value)) return std::nullopt;
    return value;
}

void SystemStore::each(
    RecordKind kind, std::string_view prefix,
    const std::function<bool(std::string_view key, BytesView value)>& visit) const {
    const auto snapshot = engine_.snapshot();
    const auto from = key_of(kind, prefix);
    const auto cursor =
        snapshot->cursor(family, from, storage::keys::after_prefix(from));
    const auto kind_bytes = key_of(kind, {}).size();
    for (cursor->seek(from); cursor->valid(); cursor->next()) {
        if (!visit(cursor->key().substr(kind_bytes), cursor->value())) return;
    }
}

void SystemStore::put(storage::Batch& batch, RecordKind kind, std::string_view key, Bytes value) {
    batch.put(family, key_of(kind, key), std::move(value));
}

void SystemStore::erase(storage::Batch& batch, RecordKind kind, std::string_view key) {
    batch.erase(family, key_of(kind, key));
}

void SystemStore::commit(const storage::Batch& batch, storage::Durability durability) {
    engine_.commit(batch, durability);
}

}  // namespace divan::auth
