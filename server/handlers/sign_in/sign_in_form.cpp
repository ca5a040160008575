#include "server/handlers/sign_in/sign_in_form.h"

#include <map>

#include "storage/base/json.h"

namespace divan::server {
namespace {

constexpr std::uint64_t body_bytes_max = 64U << 10;

using Fields = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void refuse(std::string reason) {
    throw Refused(Code::bad_request, std::move(reason));
}

bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// As mochiweb_util:unquote/1 has it: a percent sign that begins no escape stands for itself.
std::string decode_field(std::string_view text) {
    std::string escaped;
    for (std::size_t i = 0; i < text.size(); ++i) {
        escaped += text[i];
        if (text[i] != '%') continue;
        const bool escape = i + 2 < text.size() && is_hex(text[i + 1]) && is_hex(text[i + 2]);
        if (!escape) escaped += "25";
    }
    return url_decode(escaped).value();
}

// The first of several fields of a name counts, as in mochiweb.
Fields parse_form(std::string_view body) {
    Fields fields;
    while (!body.empty()) {
        const auto end = body.find_first_of("&;");
        const auto pair = body.substr(0, end);
        body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
        const auto equals = std::min(pair.find('='), pair.size());
        auto name = decode_field(pair.substr(0, equals));
        auto value = decode_field(pair.substr(std::min(equals + 1, pair.size())));
        fields.emplace(std::move(name), std::move(value));
    }
    return fields;
}

Fields parse_object(std::string_view body) {
    const auto object = parse_json(body);
    if (!object) throw Refused(object.error());
    if (!object->is_object()) refuse("Request body must be a JSON object");
    Fields fields;
    for (const auto& [name, value] : object->members()) {
        if (!value.is_string()) refuse("The values of a sign-in must be strings");
        fields.emplace(name, value.string());
    }
    return fields;
}

const std::string* find(const Fields& fields, std::string_view name) {
    const auto found = fields.find(name);
    return found == fields.end() ? nullptr : &found->second;
}

// couch_httpd_auth:extract_username/1.
const std::string& name_in(const Fields& fields) {
    const auto* name = find(fields, "name");
    const auto* username = find(fields, "username");
    if (name == nullptr && username == nullptr) refuse("request body must contain a username");
    if (name != nullptr && username != nullptr && *name != *username) {
        refuse("request body contains different usernames");
    }
    return name != nullptr ? *name : *username;
}

}  // namespace

Task<auth::Credentials> read_sign_in(Call& call) {
    const auto* type = call.request.header("content-type");
    const bool form = type != nullptr && type->starts_with("application/x-www-form-urlencoded");
    if (!form && (type == nullptr || !type->starts_with("application/json"))) {
        throw Refused(Code::bad_content_type,
                      "Content-Type must be 'application/x-www-form-urlencoded' or "
                      "'application/json'");
    }
    const auto body = co_await call.request.body->read_all(body_bytes_max);
    const auto fields = form ? parse_form(body) : parse_object(body);
    auth::Credentials credentials;
    credentials.name = name_in(fields);
    if (const auto* password = find(fields, "password")) credentials.password = *password;
    credentials.code = find(fields, "token") ? *find(fields, "token") : std::string();
    co_return credentials;
}

}  // namespace divan::server
