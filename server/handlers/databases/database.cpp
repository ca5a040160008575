#include "server/handlers/databases/database.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "server/config/config.h"
#include "server/departed_users.h"
#include "server/handlers/databases/database_info.h"
#include "server/handlers/documents/document_query.h"

namespace divan::server {
namespace {

Error bad_request(std::string reason) {
    return Error{Code::bad_request, std::move(reason), {}};
}

std::optional<std::uint32_t> positive_integer(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole && number > 0 ? std::optional(number) : std::nullopt;
}

/// `q` or `n`.
Result<std::uint32_t> shard_count(const Call& call, const std::string& name) {
    const std::string* sent = first_parameter(call.request, name);
    const auto number = positive_integer(
        sent ? *sent : call.services.config.get("cluster", name, "1"));
    if (number) return *number;
    return bad_request(fmt::format("The `{}` value should be a positive integer.", name));
}

// "zone:n" or more of them with commas between; the zones themselves mean nothing to one node.
Result<void> check_placement(const Request& request) {
    const std::string* sent = first_parameter(request, "placement");
    if (!sent) return {};
    bool good = !sent->empty();
    std::string_view rest = *sent;
    while (good && !rest.empty()) {
        const auto rule = rest.substr(0, rest.find(','));
        const auto colon = rule.find(':');
        good = colon != std::string_view::npos && colon > 0 &&
               positive_integer(rule.substr(colon + 1)).has_value();
        rest.remove_prefix(std::min(rule.size() + 1, rest.size()));
    }
    if (good) return {};
    return bad_request("The `placement` value should be in a format `zone:n`.");
}

Result<bool> wants_partitions(const Request& request) {
    const std::string* sent = first_parameter(request, "partitioned");
    if (!sent || *sent == "false") return false;
    if (*sent == "true") return true;
    return bad_request("Invalid `partitioned` parameter");
}

// The two that let everybody in; all else is for admins until somebody puts a `_security`.
std::string first_security(const Config& config) {
    const auto rule = config.get("couchdb", "default_security", "admin_only");
    return rule == "everyone" || rule == "admin_local" ? "{}" : "";
}

Result<storage::NewDatabase> read_options(const Call& call) {
    storage::NewDatabase options;
    const auto copies = shard_count(call, "n");
    if (copies.has_error()) return copies.error();
    const auto shards = shard_count(call, "q");
    if (shards.has_error()) return shards.error();
    options.shards = *shards;
    const auto placement = check_placement(call.request);
    if (placement.has_error()) return placement.error();
    const std::string* engine = first_parameter(call.request, "engine");
    if (engine && *engine != "couch") return bad_request("invalid_engine_extension");
    const auto partitioned = wants_partitions(call.request);
    if (partitioned.has_error()) return partitioned.error();
    options.partitioned = *partitioned;
    options.security = first_security(call.services.config);
    return options;
}

}  // namespace

Error name_refusal(Error error, std::string_view name) {
    if (error.code != Code::illegal_database_name || !error.reason.empty()) return error;
    if (error.name == "database_name_too_long") {
        error.reason = fmt::format("At least one path segment of `{}` is too long.", name);
    } else {
        error.reason = fmt::format(
            "Name: '{}'. Only lowercase characters (a-z), digits (0-9), and any of the characters "
            "_, $, (, ), +, -, and / are allowed. Must begin with a letter.",
            name);
    }
    return error;
}

Task<Response> get_database(Call& call) {
    auto info = co_await call.services.on_storage([&call] {
        std::string text;
        append_database_info(text, call.db());
        return text;
    });
    co_return json_response(200, std::move(info) + '\n');
}

Task<Response> put_database(Call& call) {
    const std::string& name = call.path("db");
    const auto options = read_options(call);
    if (options.has_error()) co_return refusal(options.error());
    const auto judged = storage::validate_database_name(name);
    if (judged.has_error()) co_return refusal(name_refusal(judged.error(), name));
    if (options->partitioned && storage::is_system_database(name)) {
        co_return refusal(Code::bad_request, "Cannot partition a system database");
    }

    const auto made = co_await call.services.on_storage(
        [&] { return call.services.catalog.create(name, *options); });
    if (made.has_error()) co_return refusal(made.error());
    Response response = ok_response(201);
    response.set("Location", absolute_uri(call.request, "/" + url_quote(name)));
    co_return response;
}

Task<Response> delete_database(Call& call) {
    if (first_parameter(call.request, "rev")) {
        co_return refusal(Code::bad_request,
                          "You tried to DELETE a database with a ?=rev parameter. Did you mean to "
                          "DELETE a document instead?");
    }
    const bool erased = co_await call.services.on_storage([&] {
        auto& departed = call.services.departed_users;
        const auto in_danger = departed.in_danger(call.path("db"));
        departed.note(in_danger);
        const bool done = call.services.catalog.erase(call.path("db"));
        departed.settle(in_danger);
        return done;
    });
    if (!erased) co_return refusal(Code::not_found, "Database does not exist.");
    co_return ok_response();
}

}  // namespace divan::server
