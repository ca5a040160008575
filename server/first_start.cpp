#include "server/first_start.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "server/config/admins.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

constexpr std::string_view made_up_name = "admin";
constexpr std::size_t made_up_password_bytes = 18;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

void keep_admin(Config& config, std::string_view name, std::string_view password) {
    config.set("admins", name, stored_admin_password(config, password), true).value();
}

}  // namespace

bool has_admin(const Config& config) {
    return !config.section("admins").empty() ||
           (!environment("COUCHDB_USER").empty() && !environment("COUCHDB_PASSWORD").empty());
}

void ensure_admin(Config& config) {
    hash_plain_admins(config);
    const auto name = environment("COUCHDB_USER");
    const auto password = environment("COUCHDB_PASSWORD");
    if (!name.empty() && !password.empty() && !config.find("admins", name)) {
        keep_admin(config, name, password);
    }
    if (has_admin(config)) return;

    const auto made_up = base64url_encode(random_bytes(made_up_password_bytes));
    keep_admin(config, made_up_name, made_up);
    const auto line = fmt::format(
        "There was no administrator, so \"{}\" was made, with the password {}\n"
        "It is not shown again. Until the next start only this machine can connect.\n",
        made_up_name, made_up);
    std::fputs(line.c_str(), stderr);
}

std::string ensure_node_uuid(Config& config) {
    auto uuid = config.get("couchdb", "uuid");
    if (!uuid.empty()) return uuid;
    uuid = random_uuid();
    config.set("couchdb", "uuid", uuid, true).value();
    return uuid;
}

void ensure_system_databases(const Config& config, storage::Catalog& catalog) {
    if (!config.get_bool("couchdb", "single_node", true)) return;
    for (const char* name : {"_users", "_replicator"}) {
        if (!catalog.exists(name)) catalog.create(name).value();
    }
}

}  // namespace divan::server
