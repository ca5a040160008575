#include "server/handlers/node/cluster_setup.h"

#include "server/config/admins.h"

namespace divan::server {
namespace {

Error bad_request(std::string reason) {
    return Error{Code::bad_request, std::move(reason), {}};
}

Result<void> make_databases(Services& services, const JsonValue* wanted) {
    std::vector<std::string> names = {"_users", "_replicator"};
    if (wanted) {
        names.clear();
        for (const JsonValue& name : wanted->items()) {
            if (!name.is_string()) return bad_request("ensure_dbs_exist must be a list of names");
            names.push_back(name.string());
        }
    }
    for (const std::string& name : names) {
        const auto judged = storage::validate_database_name(name);
        if (judged.has_error()) return judged;
        const auto made = services.catalog.create(name);
        if (made.has_error() && made.error().code != Code::database_exists) return made.error();
    }
    return {};
}

Result<void> make_admin(Config& config, const JsonValue& request) {
    const JsonValue* name = request.find("username");
    const JsonValue* password = request.find("password");
    if (!name || !password) return {};
    if (!name->is_string() || !password->is_string() || name->string().empty()) {
        return bad_request("username and password must be strings");
    }
    const auto kept = config.set("admins", name->string(),
                                 stored_admin_password(config, password->string()), true);
    if (kept.has_error()) return kept.error();
    return {};
}

}  // namespace

Result<void> run_cluster_setup(Services& services, const JsonValue& request) {
    const JsonValue* action = request.find("action");
    const std::string name = action && action->is_string() ? action->string() : std::string();
    if (name == "enable_single_node" || name == "finish_cluster") {
        const auto admin = make_admin(services.config, request);
        if (admin.has_error()) return admin;
        return make_databases(services, request.find("ensure_dbs_exist"));
    }
    for (const char* of_cluster : {"enable_cluster", "add_node", "remove_node", "receive_cookie"}) {
        if (name == of_cluster) return bad_request("This server is a single node, not a cluster.");
    }
    return bad_request("Invalid Action'");
}

}  // namespace divan::server
