#include "replication/options.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "replication/endpoint.h"
#include "replication/url.h"
#include "storage/query/mango/selector.h"

namespace divan::replication {
namespace {

constexpr std::int64_t day_ms = 24 * 60 * 60 * 1000;

[[noreturn]] void refuse(std::string_view name, std::string_view what) {
    std::string reason = "parameter `";
    reason.append(name).append("` must be ").append(what);
    throw Refused(Code::bad_request, std::move(reason));
}

bool read_flag(std::string_view name, const JsonValue& value) {
    if (!value.is_bool()) refuse(name, "a boolean");
    return value.boolean();
}

// A number, or digits in a string, as couch_util:to_integer/1 takes them.
std::int64_t read_number(std::string_view name, const JsonValue& value, std::int64_t least,
                         std::int64_t most) {
    auto number = value.integer();
    if (value.is_string()) {
        std::int64_t parsed = 0;
        const auto& text = value.string();
        const auto* end = text.data() + text.size();
        const auto [stopped, error] = std::from_chars(text.data(), end, parsed);
        if (error == std::errc() && stopped == end && !text.empty()) number = parsed;
    }
    if (!number) refuse(name, "an integer");
    return std::clamp(*number, least, most);
}

std::string as_text(const JsonValue& value) {
    return value.is_string() ? value.string() : value.dump();
}

std::vector<std::string> read_doc_ids(const JsonValue& value) {
    if (!value.is_array()) refuse("doc_ids", "an array");
    std::vector<std::string> ids;
    for (const auto& id : value.items()) {
        if (!id.is_string()) refuse("doc_ids", "an array of strings");
        ids.push_back(percent_decode(id.string(), true));
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

// Spaces come of a "+" that something read as in a form (couch_replicator_ids:convert/1).
std::string read_id(std::string_view name, const JsonValue& value) {
    if (!value.is_string()) refuse(name, "a string");
    std::string id = value.string();
    std::replace(id.begin(), id.end(), ' ', '+');
    return id;
}

class Reader {
public:
    Reader(const JsonValue& body, const Rules& rules, Replication& into)
        : body_(body), rules_(rules), into_(into) {}

    // In the order of the body, so that the first mistake is the one that is told of.
    void read_options() {
        into_.tuning = rules_.tuning;
        for (const auto& [name, value] : body_.members()) {
            if (!read_kind(name, value) && !read_choice(name, value)) read_tuning(name, value);
        }
        const int chosen = int(into_.doc_ids.has_value()) + int(body_.find("filter") != nullptr) +
                           int(into_.selector.has_value());
        if (chosen > 1) {
            throw Refused(Code::bad_request,
                          "`doc_ids`,`filter`,`selector` are mutually exclusive");
        }
    }

    // couch_replicator_filters:view_type/2 and parse_user_filter/1
    void check_filter() {
        if (into_.selector) storage::mango::Selector::parse(*into_.selector).value();
        const auto* filter = body_.find("filter");
        if (!filter) return;
        const std::string name = filter->is_string() ? filter->string() : "";
        if (name == "_view") {
            const auto* view = into_.query_params.find("view");
            if (!view || !view->is_string() ||
                std::count(view->string().begin(), view->string().end(), '/') != 1) {
                throw Refused(Code::bad_request, "Invalid `view` parameter.");
            }
        } else if (!name.starts_with('_') && name.find('/') == std::string::npos) {
            throw Refused({Code::internal_error,
                           "Invalid filter. Must match `ddocname/filtername`.", "error"});
        }
    }

    void read_user() {
        const auto* context = body_.find("user_ctx");
        if (!context) return;
        if (const auto* name = context->find("name"); name && name->is_string()) {
            into_.user.name = name->string();
        }
        const auto* roles = context->find("roles");
        if (!roles) return;
        for (const auto& role : roles->items()) {
            if (role.is_string()) into_.user.roles.push_back(role.string());
        }
    }

    std::string proxy(std::string_view own) const {
        const auto of = [&](std::string_view name) {
            const auto* value = body_.find(name);
            if (value && !value->is_string() && !(value->is_array() && value->items().empty())) {
                throw Refused({Code::internal_error, "Invalid proxy url", "error"});
            }
            return value ? value->string() : std::string();
        };
        const auto common = of("proxy");
        if (common.empty()) return of(own);
        for (const std::string_view name : {"source_proxy", "target_proxy"}) {
            if (of(name).empty()) continue;
            throw Refused(Code::bad_request,
                          "`proxy` is mutually exclusive with `" + std::string(name) + "`");
        }
        return common;
    }

private:
    bool read_kind(std::string_view name, const JsonValue& value) {
        if (name == "cancel") {
            into_.cancel = read_flag(name, value);
        } else if (name == "_local_id" || name == "replication_id" || name == "id") {
            into_.cancel_id = read_id(name, value);
        } else if (name == "create_target") {
            into_.create_target = read_flag(name, value);
        } else if (name == "create_target_params") {
            if (!value.is_object()) refuse(name, "a JSON object");
            for (const auto& [key, text] : value.members()) {
                into_.create_target_params.emplace_back(key, as_text(text));
            }
        } else if (name == "winning_revs_only") {
            into_.winning_revs_only = read_flag(name, value);
        } else if (name == "continuous") {
            into_.continuous = read_flag(name, value);
        } else {
            return false;
        }
        return true;
    }

    bool read_choice(std::string_view name, const JsonValue& value) {
        if (name == "filter") {
            into_.filter = value.is_string() ? value.string() : "";
        } else if (name == "query_params") {
            if (!value.is_object()) refuse(name, "an object");
            into_.query_params = value;
        } else if (name == "doc_ids") {
            if (!value.is_null()) into_.doc_ids = read_doc_ids(value);
        } else if (name == "selector") {
            if (!value.is_object()) refuse(name, "a JSON object");
            into_.selector = value;
        } else if (name == "since_seq") {
            into_.since_seq = value;
        } else {
            return false;
        }
        return true;
    }

    void read_tuning(std::string_view name, const JsonValue& value) {
        auto& tuning = into_.tuning;
        const auto number = [&](std::int64_t least, std::int64_t most) {
            return read_number(name, value, least, most);
        };
        const auto time = [&] { return std::chrono::milliseconds(number(1, day_ms)); };
        if (name == "worker_processes") {
            tuning.worker_processes = static_cast<int>(number(1, 100));
        } else if (name == "worker_batch_size") {
            tuning.worker_batch_size = static_cast<int>(number(1, 10'000));
        } else if (name == "http_connections") {
            tuning.http_connections = static_cast<int>(number(1, 1'000));
        } else if (name == "connection_timeout") {
            tuning.connection_timeout = time();
        } else if (name == "retries_per_request") {
            tuning.retries = static_cast<int>(number(0, 1'000));
        } else if (name == "socket_options") {
            tuning.sockets = parse_socket_options(as_text(value), rules_.socket_options);
        } else if (name == "use_checkpoints") {
            tuning.use_checkpoints = value.kind() != JsonValue::Kind::boolean || value.boolean();
        } else if (name == "use_bulk_get") {
            tuning.use_bulk_get = read_flag(name, value);
        } else if (name == "checkpoint_interval") {
            tuning.checkpoint_interval = time();
        }
    }

    const JsonValue& body_;
    const Rules& rules_;
    Replication& into_;
};

// The value of `{name, value}` in a list of options; empty where it is not there.
std::string_view option_value(std::string_view text, std::string_view name) {
    for (auto at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
        const auto pair = text.substr(at + 1, text.find('}', at) - at - 1);
        const auto comma = pair.find(',');
        if (comma == std::string_view::npos) continue;
        const auto trim = [](std::string_view part) {
            const auto first = part.find_first_not_of(" \t\r\n");
            if (first == std::string_view::npos) return std::string_view();
            return part.substr(first, part.find_last_not_of(" \t\r\n") - first + 1);
        };
        if (trim(pair.substr(0, comma)) == name) return trim(pair.substr(comma + 1));
    }
    return {};
}

std::optional<int> option_number(std::string_view text) {
    int number = 0;
    const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || stopped != text.data() + text.size()) return std::nullopt;
    return number;
}

}  // namespace

SocketOptions parse_socket_options(std::string_view text,
                                   const std::vector<std::string>& allowed) {
    const auto value = [&](std::string_view name) {
        const bool known = std::find(allowed.begin(), allowed.end(), name) != allowed.end();
        return known ? option_value(text, name) : std::string_view();
    };
    // What a list does not say is off; CouchDB's own defaults stand only where there is no list.
    return {.keepalive = value("keepalive") == "true",
            .nodelay = value("nodelay") == "true",
            .priority = option_number(value("priority")),
            .send_buffer = option_number(value("sndbuf")),
            .receive_buffer = option_number(value("recbuf"))};
}

bool Replication::same_as(const Replication& other) const {
    const auto json = [](const std::optional<JsonValue>& value) {
        return value ? value->dump() : std::string();
    };
    return source == other.source && target == other.target && database == other.database &&
           doc_id == other.doc_id && user.name == other.user.name &&
           user.roles == other.user.roles && continuous == other.continuous &&
           create_target == other.create_target &&
           create_target_params == other.create_target_params &&
           winning_revs_only == other.winning_revs_only && doc_ids == other.doc_ids &&
           filter == other.filter && query_params.dump() == other.query_params.dump() &&
           json(selector) == json(other.selector) && json(since_seq) == json(other.since_seq) &&
           tuning == other.tuning;
}

std::vector<std::pair<std::string, std::string>> Replication::query_pairs() const {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& [name, value] : query_params.members()) {
        pairs.emplace_back(name, as_text(value));
    }
    return pairs;
}

Result<Replication> parse_replication(const JsonValue& body, const Rules& rules,
                                      const LocalNames* local) {
    Replication replication;
    Reader reader(body, rules, replication);
    try {
        const auto source_proxy = reader.proxy("source_proxy");
        const auto target_proxy = reader.proxy("target_proxy");
        reader.read_options();
        reader.read_user();
        if (const auto* id = body.find("_id"); id && id->is_string()) {
            replication.doc_id = id->string();
        }
        if (replication.cancel && replication.cancel_id) return replication;
        replication.source =
            parse_endpoint(body.find("source"), source_proxy, rules, local).value();
        replication.target =
            parse_endpoint(body.find("target"), target_proxy, rules, local).value();
        reader.check_filter();
    } catch (const Refused& refused) {
        return refused.error();
    }
    return replication;
}

}  // namespace divan::replication
