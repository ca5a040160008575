#include "server/handlers/design/function_response.h"

#include <algorithm>

#include "server/config/config.h"
#include "storage/base/digest.h"
#include "storage/query/erlang_text.h"

namespace divan::server {
namespace {

constexpr int status_min = 200;
constexpr int status_max = 999;

[[noreturn]] void refuse(std::string reason) {
    throw Refused(Error{Code::internal_error, std::move(reason), "external_response_error"});
}

/// Names the member that is wrong as CouchDB does.
[[noreturn]] void refuse_member(std::string_view key, const JsonValue& value) {
    const auto name = parse_json(json_string(key)).value();
    refuse("Invalid data from external server: {" + storage::erlang_p(name) + "," +
           storage::erlang_p(value) + "}");
}

/// A number, or the same as a text.
int status_of(const JsonValue& value) {
    const auto text = value.is_string() ? parse_json(value.string()) : Result<JsonValue>(value);
    const auto code = text.has_value() ? (*text).integer() : std::nullopt;
    if (!code || *code < status_min || *code > status_max) refuse_member("code", value);
    return static_cast<int>(*code);
}

const std::string& text_of(std::string_view key, const JsonValue& value) {
    if (!value.is_string()) refuse_member(key, value);
    return value.string();
}

/// Bytes that would end a header line, or the header.
bool has_controls(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

/// What HTTP itself is made of is the server's to say.
bool is_framing(std::string_view name) {
    std::string lower(name);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower == "content-length" || lower == "transfer-encoding" || lower == "connection";
}

bool is_header_name(std::string_view name) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               marks.find(c) != std::string_view::npos;
    });
}

}  // namespace

void add_function_headers(Response& response, const JsonValue* headers,
                          std::string_view content_type) {
    if (headers != nullptr) {
        for (const auto& [name, value] : headers->members()) {
            const auto text = value.is_string() ? value.string() : value.dump();
            if (!is_header_name(name) || has_controls(text)) {
                refuse("Invalid data from external server: header " + name);
            }
            if (!is_framing(name)) response.add(name, text);
        }
    }
    if (response.header("Content-Type") == nullptr && !content_type.empty()) {
        response.set("Content-Type", std::string(content_type));
    }
}

void add_function_policy(const Config& config, Response& response) {
    if (!config.get_bool("csp", "showlist_enable", true)) return;
    response.headers.insert(response.headers.begin(),
                            {"Content-Security-Policy",
                             config.get("csp", "showlist_header_value", "sandbox")});
}

Response function_response(const Config& config, const JsonValue& given, int code,
                           std::string_view content_type) {
    Response response;
    response.status = code;
    const JsonValue* headers = nullptr;
    const JsonValue* json = nullptr;
    for (const auto& [key, value] : given.members()) {
        if (key == "code") {
            response.status = status_of(value);
        } else if (key == "body") {
            response.body = text_of(key, value);
            content_type = "text/html; charset=utf-8";
        } else if (key == "base64") {
            auto bytes = base64_decode(text_of(key, value));
            if (!bytes) refuse("Invalid data from external server: base64");
            response.body = *std::move(bytes);
            content_type = "application/binary";
        } else if (key == "json") {
            json = &value;
            content_type = "application/json";
        } else if (key == "headers" && value.is_object()) {
            headers = &value;
        } else if (key != "stop" || !value.is_bool() || !value.boolean()) {
            refuse_member(key, value);
        }
    }
    add_function_headers(response, headers, content_type);
    if (json != nullptr) {
        response.body = json->dump() + "\n";
        if (response.header("Cache-Control") == nullptr) {
            response.set("Cache-Control", "must-revalidate");
        }
    } else {
        add_function_policy(config, response);
    }
    return response;
}

}  // namespace divan::server
