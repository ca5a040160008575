#include "server/new_account.h"

#include "auth/accounts.h"
#include "server/config/config.h"
#include "storage/base/json.h"

namespace divan::server {
namespace {

using storage::Database;
using storage::Edit;
using storage::Revision;

std::shared_ptr<Database> open_users(Services& services) {
    return services.catalog.open(auth::users_database(setting_reader(services.config)));
}

std::string user_document(const std::string& name, const std::vector<std::string>& roles) {
    std::string json = R"({"name":)" + json_string(name) + R"(,"type":"user","roles":)";
    append_json_strings(json, roles);
    return json + '}';
}

Edit user_edit(const std::string& name, std::string_view json) {
    auto document = storage::parse_client_document(json).value();
    document.id = std::string(auth::user_id_prefix) + name;
    return storage::make_edit(std::move(document), true).value();
}

Task<Result<Revision>> write_one(Services& services, Database& database, Edit edit) {
    std::vector<Edit> edits;
    edits.push_back(std::move(edit));
    auto outcomes = co_await write_edits(services, database, std::move(edits));
    if (!outcomes) co_return outcomes.error();
    co_return std::move(outcomes->front());
}

}  // namespace

Task<Result<Revision>> create_user(Services& services, const std::string& name,
                                   const std::vector<std::string>& roles) {
    for (const auto& role : roles) {
        if (!role.starts_with('_')) continue;
        co_return Error{Code::forbidden, "Roles of the system are not given so.", {}};
    }
    if (services.accounts.find(name)) {
        co_return Error{Code::conflict, "The name is taken.", {}};
    }
    const auto users = open_users(services);
    if (!users) co_return Error{Code::not_found, "The database of users is missing.", {}};
    auto written =
        co_await write_one(services, *users, user_edit(name, user_document(name, roles)));
    const bool taken = !written && written.error().code == Code::conflict;
    if (taken) co_return Error{Code::conflict, "The name is taken.", {}};
    co_return std::move(written);
}

Task<void> remove_user(Services& services, const std::string& name, const Revision& revision) {
    const auto users = open_users(services);
    if (!users) co_return;
    auto edit = user_edit(name, R"({"_deleted":true})");
    edit.parent = revision;
    edit.revision.reset();
    co_await write_one(services, *users, std::move(edit));
}

}  // namespace divan::server
