#include "server/departed_users.h"

#include "storage/database/read_view.h"

namespace divan::server {
namespace {

constexpr auto kind = auth::RecordKind::departing_user;

void add_user(DepartedUsers::Names& names, std::string_view id) {
    if (!id.starts_with(auth::user_id_prefix)) return;
    names.emplace_back(id.substr(auth::user_id_prefix.size()));
}

}  // namespace

DepartedUsers::DepartedUsers(storage::Catalog& catalog, ReadSetting setting,
                             auth::SystemStore& store, auth::PasskeyCeremonies& passkeys,
                             auth::Sessions& sessions)
    : catalog_(catalog),
      setting_(std::move(setting)),
      store_(store),
      passkeys_(passkeys),
      sessions_(sessions) {}

bool DepartedUsers::is_users(std::string_view database) const {
    return database == auth::users_database(setting_);
}

// A replicated edit may bring a deletion, or one of a branch that wins.
DepartedUsers::Names DepartedUsers::in_danger(const storage::Database& database,
                                              const std::vector<storage::Edit>& edits) const {
    Names names;
    for (const auto& edit : edits) {
        if (edit.deleted || edit.replicated) add_user(names, edit.id);
    }
    return !names.empty() && is_users(database.name()) ? names : Names();
}

DepartedUsers::Names DepartedUsers::in_danger(const storage::Database& database,
                                              const std::vector<storage::PurgeRow>& rows) const {
    Names names;
    if (!is_users(database.name())) return names;
    for (const auto& row : rows) add_user(names, row.id);
    return names;
}

DepartedUsers::Names DepartedUsers::in_danger(std::string_view database) const {
    return is_users(database) ? passkeys_.passkeys().users() : Names();
}

void DepartedUsers::note(const Names& names) {
    storage::Batch batch;
    for (const auto& name : names) auth::SystemStore::put(batch, kind, name, {});
    if (!names.empty()) store_.commit(batch);
}

bool DepartedUsers::is_gone(const std::string& name) const {
    if (setting_("admins", name)) return false;
    const auto users = catalog_.open(auth::users_database(setting_));
    if (!users) return true;
    const auto document = storage::read_winner(*users, std::string(auth::user_id_prefix) + name);
    return !document || document->head.deleted;
}

void DepartedUsers::settle(const Names& names) {
    storage::Batch batch;
    const auto held = store_.hold();
    for (const auto& name : names) {
        if (is_gone(name)) {
            sessions_.revoke_all(name);
            passkeys_.forget(name, batch);
        }
        auth::SystemStore::erase(batch, kind, name);
    }
    if (!names.empty()) store_.commit(batch);
}

void DepartedUsers::settle_rest() {
    Names names;
    store_.each(kind, {}, [&](std::string_view name, BytesView) {
        names.emplace_back(name);
        return true;
    });
    settle(names);
}

}  // namespace divan::server
