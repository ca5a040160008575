#include "server/handlers/config.h"

#include <algorithm>
#include <array>

#include "server/config/admins.h"
#include "server/config/config.h"
#include "server/handlers/json_body.h"
#include "server/handlers/node.h"

namespace divan::server {
namespace {

// What runs programs of the machine is not for the network to change:
// couch_util:check_config_blacklist/1.
constexpr std::array<std::string_view, 9> protected_sections = {
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

Result<void> check_changeable(const Call& call) {
    const auto& sections = protected_sections;
    const auto found = std::find(sections.begin(), sections.end(), call.path("section"));
    if (found == sections.end()) return check_node(call);
    return Error{Code::forbidden,
                 "Config section blacklisted for modification over HTTP API.", {}};
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
    if (changeable.has_error()) co_return refusal(changeable.error());
    const JsonValue body = co_await read_json(call);
    if (!body.is_string()) co_return refusal(Code::bad_request, "a JSON string expected");

    Config& config = call.services.config;
    const auto old = co_await call.services.on_storage([&] {
        const std::string& section = call.path("section");
        std::string value = trimmed(body.string());
        if (section == "admins") value = stored_admin_password(config, value);
        return config.set(section, call.path("key"), std::move(value), persists(call.request));
    });
    if (old.has_error()) co_return refusal(old.error());
    co_return value_response(*old);
}

Task<Response> delete_config_value(Call& call) {
    const auto changeable = check_changeable(call);
    if (changeable.has_error()) co_return refusal(changeable.error());
    Config& config = call.services.config;
    const auto old = co_await call.services.on_storage([&] {
        return config.erase(call.path("section"), call.path("key"), persists(call.request));
    });
    if (old.has_error()) co_return refusal(old.error());
    if (!old->has_value()) co_return unknown_value();
    co_return value_response(*old);
}

}  // namespace divan::server
