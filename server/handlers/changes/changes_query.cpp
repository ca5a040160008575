#include "server/handlers/changes/changes_query.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace divan::server {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

struct Integer {
    bool negative;
    std::uint64_t magnitude;  ///< The largest there is where it is larger.
};

/// Erlang's list_to_integer/1.
std::optional<Integer> integer(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc()) value = std::numeric_limits<std::uint64_t>::max();
    return Integer{negative && value > 0, value};
}

/// CouchDB counts a limit down to 0, which one below it never meets.
std::uint64_t parse_limit(std::string_view text) {
    const auto given = integer(text);
    if (!given) {
        throw Refused(Code::bad_request, "The limit parameter should be a non-negative integer");
    }
    return given->negative ? ChangesQuery::no_limit : given->magnitude;
}

std::uint64_t parse_interval(std::string_view text) {
    const auto given = integer(text);
    if (!given || given->negative || given->magnitude == 0) {
        throw Refused(Code::bad_request, "invalid_seq_interval");
    }
    return given->magnitude;
}

bool parse_style(std::string_view text) {
    if (text == "all_docs") return true;
    if (text == "main_only") return false;
    throw Refused(Code::bad_request, "Supported `style` values: main_only, all_docs");
}

void take(ChangesQuery& query, std::string_view name, const std::string& value) {
    const bool yes = value == "true";
    if (name == "feed") query.feed = value;
    else if (name == "filter") query.filter = value;
    else if (name == "since" || name == "last-event-id") query.since = value;
    else if (name == "limit") query.limit = parse_limit(value);
    else if (name == "seq_interval") query.seq_interval = parse_interval(value);
    else if (name == "style") query.all_leaves = parse_style(value);
    else if (name == "descending") query.descending = query.descending || yes;
    else if (name == "include_docs") query.include_docs = query.include_docs || yes;
    else if (name == "conflicts") query.conflicts = query.conflicts || yes;
    else if (name == "attachments") query.attachments = query.attachments || yes;
    else if (name == "att_encoding_info") query.att_encoding_info = query.att_encoding_info || yes;
    else query.times.take(name, value);
}

}  // namespace

ChangesQuery parse_changes_query(const Request& request) {
    ChangesQuery query;
    for (const auto& parameter : request.query) take(query, lower(parameter.name), parameter.value);
    // A browser that takes an event stream up again says so in a header.
    const auto* last_event = request.header("last-event-id");
    if (query.feed == "eventsource" && last_event != nullptr) query.since = *last_event;
    return query;
}

FeedKind feed_kind(const ChangesQuery& query) {
    const auto kind = parse_feed_kind(query.feed);
    if (kind) return *kind;
    throw Refused(Code::bad_request,
                  "Supported `feed` types: normal, continuous, live, longpoll, eventsource");
}

Sequence start_of(const ChangesQuery& query, const storage::Database& database) {
    const auto newest = database.state().update_sequence;
    if (query.descending || query.since == "now") return newest;
    // A feed that is told to start in the future would say nothing of what happens until then.
    return std::min(newest, database.parse_sequence(query.since).value());
}

}  // namespace divan::server
