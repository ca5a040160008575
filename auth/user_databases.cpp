#include "auth/user_databases.h"

#include <fmt/format.h>

#include <chrono>

#include "auth/permissions.h"
#include "auth/user_document.h"
#include "storage/base/json.h"
#include "storage/base/log.h"
#include "storage/database/changes.h"

namespace divan::auth {
namespace {

constexpr std::string_view section = "couch_peruser";
// How long a setting, or a users database made anew, may go unseen; a change of a user rings.
constexpr std::chrono::seconds look_again{1};
constexpr std::int64_t shards_max = 64;
constexpr std::size_t database_name_max = 238;

/// Appends `,"key":` or `"key":`.
void begin_member(std::string& json, std::string_view key) {
    if (json.back() != '{') json.push_back(',');
    append_json_string(json, key);
    json.push_back(':');
}

std::string names_with(const JsonValue* names, std::string_view user, bool listed) {
    std::string json = "[";
    const auto append = [&](std::string_view text) {
        if (json.size() > 1) json.push_back(',');
        json += text;
    };
    if (listed) append(json_string(user));
    if (names) {
        for (const JsonValue& name : names->items()) {
            if (!name.is_string() || name.string() != user) append(name.dump());
        }
    }
    return json + "]";
}

std::string group_with(const JsonValue* group, std::string_view user, bool listed) {
    std::string json = "{";
    bool found = false;
    if (group) {
        for (const auto& [key, value] : group->members()) {
            begin_member(json, key);
            const bool names = key == "names";
            found = found || names;
            json += names ? names_with(&value, user, listed) : value.dump();
        }
    }
    if (!found) {
        begin_member(json, "names");
        json += names_with(nullptr, user, listed);
    }
    return json + "}";
}

}  // namespace

struct UserDatabases::Rules {
    bool enabled = false;
    bool delete_databases = false;
    std::string prefix;
    std::uint32_t shards = 1;

    explicit Rules(const ReadSetting& setting)
        : enabled(read_bool(setting, section, "enable", false)),
          delete_databases(read_bool(setting, section, "delete_dbs", false)),
          prefix(setting(section, "database_prefix").value_or("userdb-")),
          shards(static_cast<std::uint32_t>(
              read_integer(setting, section, "q", 1, 1, shards_max))) {}
};

std::string with_user_listed(std::string_view security_json, std::string_view user, bool listed) {
    const auto security =
        parse_json(security_json.empty() ? default_security_json : security_json).value();
    std::string json = "{";
    for (const auto& [key, value] : security.members()) {
        begin_member(json, key);
        const bool group = key == "admins" || key == "members";
        json += group ? group_with(&value, user, listed) : value.dump();
    }
    for (const std::string_view key : {"admins", "members"}) {
        if (security.find(key)) continue;
        begin_member(json, key);
        json += group_with(nullptr, user, listed);
    }
    return json + "}";
}

std::string UserDatabases::name_for(std::string_view prefix, std::string_view user) {
    std::string name(prefix);
    for (const char c : user) {
        name += fmt::format("{:02x}", static_cast<unsigned char>(c));
    }
    return name;
}

UserDatabases::UserDatabases(storage::Catalog& catalog, ReadSetting setting)
    : catalog_(catalog), setting_(std::move(setting)), thread_([this] { run(); }) {}

UserDatabases::~UserDatabases() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    forget();
}

bool UserDatabases::stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void UserDatabases::rest() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, look_again, [this] { return stopping_ || rung_; });
    rung_ = false;
}

void UserDatabases::forget() {
    if (users_) users_->bell().unsubscribe(listener_);
    users_.reset();
}

void UserDatabases::follow() {
    auto users = catalog_.open(users_database(setting_));
    if (users == users_) return;
    forget();
    users_ = std::move(users);
    done_ = Sequence{};
    if (!users_) return;
    listener_ = users_->bell().subscribe([this] {
        {
            const std::lock_guard lock(mutex_);
            rung_ = true;
        }
        wake_.notify_all();
    });
}

void UserDatabases::run() {
    while (!stopping()) {
        try {
            const Rules rules(setting_);
            if (rules.enabled) {
                follow();
                catch_up(rules);
            } else {
                forget();
            }
        } catch (const std::exception& failure) {  // tried again from where it failed
            tell(failure.what());
        }
        rest();
    }
}

void UserDatabases::tell(std::string failure) {
    if (failure == failure_) return;
    log(LogLevel::error, fmt::format("databases of users: {}", failure));
    failure_ = std::move(failure);
}

void UserDatabases::catch_up(const Rules& rules) {
    if (!users_ || users_->doomed()) return;
    if (prefix_ != rules.prefix) {
        done_ = Sequence{};
        prefix_ = rules.prefix;
    }
    if (users_->state().update_sequence == done_) return;
    storage::validate_database_name(rules.prefix).value();
    storage::ChangesScan scan(users_->view(), done_);
    while (const auto* change = scan.next()) {
        if (stopping()) return;
        const auto user = user_of_document(change->id);
        if (!user.empty()) keep_in_step(rules, user, change->deleted());
        done_ = change->sequence;
    }
}

void UserDatabases::keep_in_step(const Rules& rules, std::string_view user, bool deleted) {
    const std::string name = name_for(rules.prefix, user);
    if (name.size() > database_name_max) {
        log(LogLevel::warning,
            fmt::format("databases of users: {} has too long a name for a database",
                        json_string(user)));
        return;
    }
    if (deleted && rules.delete_databases) {
        catalog_.erase(name);
        return;
    }
    auto database = catalog_.open(name);
    if (!database && !deleted) {
        storage::NewDatabase made;
        made.shards = rules.shards;
        made.security = with_user_listed({}, user, true);
        if (catalog_.create(name, made).has_value()) return;
        database = catalog_.open(name);  // somebody was quicker
    }
    if (!database) return;
    const auto settings = database->settings();
    auto security = with_user_listed(settings->security, user, !deleted);
    if (security != settings->security) database->set_security(std::move(security));
}

}  // namespace divan::auth
