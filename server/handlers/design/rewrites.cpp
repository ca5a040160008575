#include "server/handlers/design/rewrites.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/config/config.h"
#include "server/handlers/design/design_functions.h"
#include "server/handlers/design/function_response.h"
#include "server/handlers/design/rewrite_rules.h"
#include "server/handlers/design/rewritten_request.h"
#include "server/handlers/json_body.h"
#include "server/services.h"
#include "storage/query/erlang_text.h"

namespace divan::server {
namespace {

/// Path segments before those that are rewritten: database, _design, name, _rewrite.
constexpr std::size_t own_segments = 4;

[[noreturn]] void refuse(std::string reason) {
    throw Refused(Error{Code::internal_error, std::move(reason), "rewrite_error"});
}

std::string prefix_of(const Call& call) {
    return "/" + url_encode(call.db().name()) + "/_design/" + url_encode(call.path("ddoc"));
}

Task<Response> apply_rules(Call& call, const JsonValue& rules) {
    auto& original = call.request;
    const std::span<const std::string> segments = original.segments;
    const auto rewritten = apply_rewrite_rules(
        rules,
        {original.method, segments.subspan(std::min(own_segments, segments.size())),
         original.query},
        call.services.config.get_bool("chttpd", "secure_rewrites", true));
    if (!rewritten) co_return refusal(Code::not_found);
    auto& request = rewrite_request(original, join_rewritten(prefix_of(call), *rewritten));
    co_return co_await call.services.answer_rewritten(request);
}

/// A member of what the function gave: null where it is absent. Refuses another kind.
const JsonValue* member(const JsonValue& rewrite, std::string_view name, JsonValue::Kind kind) {
    const auto* value = rewrite.find(name);
    if (value != nullptr && value->kind() != kind) refuse("bad " + std::string(name));
    return value;
}

const JsonValue* texts(const JsonValue& rewrite, std::string_view name) {
    const auto* object = member(rewrite, name, JsonValue::Kind::object);
    if (object == nullptr) return nullptr;
    for (const auto& [key, value] : object->members()) {
        if (value.is_string()) continue;
        const auto quoted = parse_json(json_string(key)).value();
        refuse("object key/value must be strings " + storage::erlang_p(quoted) + "=" +
               storage::erlang_p(value));
    }
    return object;
}

Response answer_of(const Config& config, const JsonValue& rewrite,
                   const std::optional<FunctionBody>& body) {
    Response response;
    const auto code = rewrite.find("code")->integer();
    if (!code || *code < 200 || *code > 599) refuse("bad code");
    response.status = static_cast<int>(*code);
    const auto* own = member(rewrite, "body", JsonValue::Kind::string);
    if (own != nullptr) {
        response.body = own->string();
    } else if (body) {
        response.body = body->text;
    }
    add_function_headers(response, texts(rewrite, "headers"), {});
    add_function_policy(config, response);
    return response;
}

std::string target_of(const Call& call, const JsonValue& rewrite) {
    const auto* path = member(rewrite, "path", JsonValue::Kind::string);
    if (path == nullptr) refuse("Rewrite result must produce a new path.");
    std::string target = join_rewritten(prefix_of(call), path->string());
    std::string query;
    const auto add = [&](const std::string& name, const std::string& value) {
        query += query.empty() ? "?" : "&";
        query += url_quote(name) + "=" + url_quote(value);
    };
    if (const auto* own = texts(rewrite, "query")) {
        for (const auto& [name, value] : own->members()) add(name, value.string());
    } else {
        for (const auto& [name, value] : call.request.query) add(name, value);
    }
    return target + query;
}

void set_header(Request& request, std::string name, const std::string& value) {
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::erase_if(request.headers, [&](const Header& header) { return header.name == name; });
    request.headers.push_back({std::move(name), value});
}

Task<Response> ask_function(Call& call, const OpenDesign& design) {
    std::optional<FunctionBody> body;
    if (call.request.body->length() || !call.request.body->absent()) {
        auto read = co_await read_body(call);  // no braced temporary: g++ 12 destroys it twice
        body.emplace(FunctionBody{std::move(read), false});
    }
    std::optional<Bytes> given;
    co_await call.services.on_scripts([&] {
        given = design.functions->rewrite(request_object(call, std::nullopt, body)).value();
    });
    if (!given) {
        co_return refusal(Error{Code::not_found, "Invalid path.", "rewrite_error"});
    }
    const auto rewrite = parse_json(*given).value();
    if (!rewrite.is_object()) refuse("bad rewrite");
    if (rewrite.find("code") != nullptr) {
        co_return answer_of(call.services.config, rewrite, body);
    }
    auto& request = rewrite_request(call.request, target_of(call, rewrite));
    if (const auto* method = member(rewrite, "method", JsonValue::Kind::string)) {
        request.method = method->string();
    }
    const auto* own = member(rewrite, "body", JsonValue::Kind::string);
    if (own != nullptr) {
        replace_body(call.request, request, own->string());
    } else if (body) {
        replace_body(call.request, request, body->text);
    }
    if (const auto* headers = texts(rewrite, "headers")) {
        for (const auto& [name, value] : headers->members()) {
            set_header(request, name, value.string());
        }
    }
    co_return co_await call.services.answer_rewritten(request);
}

}  // namespace

Task<Response> run_rewrite(Call& call) {
    const auto most = call.services.config.get_integer("chttpd", "rewrite_limit", 100);
    if (call.request.rewrites >= most) {
        co_return refusal(Code::bad_request, "Exceeded rewrite recursion limit");
    }
    OpenDesign design;
    co_await call.services.on_storage([&] { design = open_design(call, call.path("ddoc")); });
    const auto* rules = design.body.find("rewrites");
    if (rules != nullptr && rules->is_array()) co_return co_await apply_rules(call, *rules);
    if (rules != nullptr && rules->is_string()) co_return co_await ask_function(call, design);
    co_return refusal(Error{Code::not_found, "Invalid path.", "rewrite_error"});
}

}  // namespace divan::server
