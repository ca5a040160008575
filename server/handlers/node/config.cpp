#include "server/handlers/node/config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/audit_event.h"
#include "server/config/admins.h"
#include "server/config/config.h"
#include "server/handlers/json_body.h"
#include "server/handlers/node/node.h"

namespace divan::server {
namespace {

// What runs programs of the machine is not for the network to change:
// couch_util:check_config_blacklist/1. Of ours: whoever has an administrator's password shall not
// switch off what is recorded of him.
constexpr std::array<std::string_view, 10> protected_sections = {
    "audit",
    "daemons",
    "external",
    "httpd_design_handlers",
    "httpd_db_handlers",
    "httpd_global_handlers",
    "native_query_servers",
    "os_daemons",
    "query_servers",
    "feature_flags",
};

// Names of files and folders: who sets them makes the server read or write where it should not.
// CouchDB lets all of them be set.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> protected_settings = {{
    {"couchdb", "database_dir"},
    {"couchdb", "plugins_dir"},
    {"couchdb", "uri_file"},
    {"couchdb", "util_driver_dir"},
    {"couchdb", "view_index_dir"},
    {"log", "file"},
    {"log", "writer"},
    {"replicator", "cert_file"},
    {"replicator", "key_file"},
    {"replicator", "ssl_trusted_certificates_file"},
    {"ssl", "cacert_file"},
    {"ssl", "cert_file"},
    {"ssl", "key_file"},
    {"ssl", "verify_fun"},
}};

Result<void> check_changeable(const Call& call) {
    const auto& section = call.path("section");
    const auto listed = [](const auto& list, const auto& wanted) {
        return std::find(list.begin(), list.end(), wanted) != list.end();
    };
    if (listed(protected_sections, section)) {
        return Error{Code::forbidden,
                     "Config section blacklisted for modification over HTTP API.", {}};
    }
    if (listed(protected_settings, std::pair<std::string_view, std::string_view>(
                                       section, call.path("key")))) {
        return Error{Code::forbidden,
                     "This setting can be changed in the configuration files only.", {}};
    }
    return check_node(call);
}

// Never the value: it may be a secret.
void record_change(const Call& call, bool ok, std::string_view what) {
    const auto& section = call.path("section");
    auto event = audit_event(call, "config_changed");
    if (section == "admins") {
        event.event = "admin_changed";
        event.actor = std::exchange(event.user, call.path("key"));
    }
    event.ok = ok;
    event.resource = section + "/" + call.path("key");
    event.detail = what;
    call.services.audit.record(std::move(event));
}

bool persists(const Request& request) {
    const std::string* header = request.header("x-couch-persist");
    return !header || *header != "false";
}

std::string trimmed(const std::string& text) {
    constexpr std::string_view blanks = " \t\r\n\v\f";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

void append_section(std::string& out, const Config::Section& section) {
    out += '{';
    for (const auto& [key, value] : section) {
        if (out.back() != '{') out += ',';
        append_json_string(out, key);
        out += ':';
        append_json_string(out, value);
    }
    out += '}';
}

Response value_response(const std::optional<std::string>& value) {
    return json_response(200, json_string(value.value_or("")) + '\n');
}

Response unknown_value() {
    return refusal(Code::not_found, "unknown_config_value");
}

}  // namespace

Task<Response> get_config(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    std::string body = "{";
    for (const auto& [name, section] : call.services.config.all()) {
        if (body.size() > 1) body += ',';
        append_json_string(body, name);
        body += ':';
        append_section(body, section);
    }
    co_return json_response(200, body + "}\n");
}

Task<Response> post_config_reload(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    Config& config = call.services.config;
    const auto done = co_await call.services.on_storage([&] {
        auto read = config.reload();
        if (read.has_value()) hash_plain_admins(config);
        return read;
    });
    if (done.has_error()) co_return refusal(Code::bad_request, done.error().reason);
    co_return ok_response();
}

Task<Response> get_config_section(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    std::string body;
    append_section(body, call.services.config.section(call.path("section")));
    co_return json_response(200, body + '\n');
}

Task<Response> get_config_value(Call& call) {
    const auto known = check_node(call);
    if (known.has_error()) co_return refusal(known.error());
    const auto value = call.services.config.find(call.path("section"), call.path("key"));
    co_return value ? value_response(value) : unknown_value();
}

Task<Response> put_config_value(Call& call) {
    const auto changeable = check_changeable(call);
    if (changeable.has_error()) {
        record_change(call, false, "set");
        co_return refusal(changeable.error());
    }
    const JsonValue body = co_await read_json(call);
    if (!body.is_string()) co_return refusal(Code::bad_request, "a JSON string expected");

    Config& config = call.services.config;
    const auto old = co_await call.services.on_storage([&] {
        const std::string& section = call.path("section");
        std::string value = trimmed(body.string());
        if (section == "admins") value = stored_admin_password(config, value);
        return config.set(section, call.path("key"), std::move(value), persists(call.request));
    });
    record_change(call, old.has_value(), "set");
    if (old.has_error()) co_return refusal(old.error());
    co_return value_response(*old);
}

Task<Response> delete_config_value(Call& call) {
    const auto changeable = check_changeable(call);
    if (changeable.has_error()) {
        record_change(call, false, "deleted");
        co_return refusal(changeable.error());
    }
    Config& config = call.services.config;
    const auto old = co_await call.services.on_storage([&] {
        return config.erase(call.path("section"), call.path("key"), persists(call.request));
    });
    record_change(call, old.has_value() && old->has_value(), "deleted");
    if (old.has_error()) co_return refusal(old.error());
    if (!old->has_value()) co_return unknown_value();
    co_return value_response(*old);
}

}  // namespace divan::server
