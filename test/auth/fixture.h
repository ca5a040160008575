#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "auth/accounts.h"
#include "storage/engine/memory_engine.h"

namespace divan::auth {

class TestClock : public Clock {
public:
    std::chrono::steady_clock::time_point now() const override { return time; }
    std::int64_t unix_seconds() const override { return seconds; }
    std::chrono::steady_clock::time_point time{std::chrono::hours(1)};
    std::int64_t seconds = 1'700'000'000;
};

/// Settings that a test changes as it goes.
class TestSettings {
public:
    ReadSetting reader() const {
        return [this](std::string_view section, std::string_view key) {
            const std::lock_guard lock(mutex_);
            const auto found = values_.find(std::string(section) + "/" + std::string(key));
            return found == values_.end() ? std::nullopt : std::optional(found->second);
        };
    }
    void set(const std::string& name, std::string value) {
        const std::lock_guard lock(mutex_);
        values_.insert_or_assign(name, std::move(value));
    }
    void erase(const std::string& name) {
        const std::lock_guard lock(mutex_);
        values_.erase(name);
    }

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::string> values_;
};

/// A server's accounts on a memory engine: admin "admin" with password "secret", and "_users".
struct AccountsFixture {
    AccountsFixture() {
        settings.set("chttpd_auth/iterations", "10");
        settings.set("admins/admin", admin_value("secret"));
    }

    static std::string admin_value(std::string_view password) {
        return hash_admin_password(password, {"pbkdf2", "sha256", 10}).value();
    }
    /// `"password_scheme":…` of a fresh hash.
    static std::string hashed(std::string_view password, const std::string& salt = "salt",
                              std::uint32_t iterations = 10) {
        const auto hash = hash_password(password, {"pbkdf2", "sha256", iterations}, salt).value();
        return R"("password_scheme":"pbkdf2","pbkdf2_prf":"sha256","salt":")" + hash.salt +
               R"(","iterations":)" + std::to_string(hash.iterations) + R"(,"derived_key":")" +
               hash.key + '"';
    }
    /// Writes the document of `name` over the one that is there; `members` are JSON's.
    void write_user(const std::string& name, const std::string& members);
    void delete_user(const std::string& name);
    /// Makes a second living leaf.
    void conflict_user(const std::string& name, const std::string& members);

    std::unique_ptr<storage::Engine> engine = storage::make_memory_engine();
    storage::Catalog catalog{*engine};
    std::shared_ptr<storage::Database> users = catalog.create("_users").value();
    TestSettings settings;
    TestClock clock;
    Accounts accounts{catalog, settings.reader(), clock};
};

}  // namespace divan::auth
