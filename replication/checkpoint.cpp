#include "replication/checkpoint.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "storage/base/json.h"

namespace divan::replication {
namespace {

constexpr std::size_t history_entries_max = 50;
constexpr int id_version = 4;

std::string text_of(const JsonValue& object, std::string_view key) {
    const auto* value = object.find(key);
    return value && value->is_string() ? value->string() : std::string();
}

/// BigCouch had arrays; others have strings or numbers.
std::string sequence_of(const JsonValue& object, std::string_view key) {
    const auto* value = object.find(key);
    const bool readable =
        value && (value->is_string() || value->is_number() || value->is_array());
    return readable ? value->dump() : "0";
}

std::uint64_t count_of(const JsonValue& object, std::string_view key) {
    const auto* value = object.find(key);
    const auto count = value ? value->integer() : std::nullopt;
    return count && *count > 0 ? static_cast<std::uint64_t>(*count) : 0;
}

HistoryEntry parse_entry(const JsonValue& entry) {
    HistoryEntry parsed;
    parsed.session_id = text_of(entry, "session_id");
    parsed.recorded_sequence = sequence_of(entry, "recorded_seq");
    auto& counts = parsed.counts;
    counts.revisions_checked = count_of(entry, "missing_checked");
    counts.missing_revisions_found = count_of(entry, "missing_found");
    counts.docs_read = count_of(entry, "docs_read");
    counts.docs_written = count_of(entry, "docs_written");
    counts.doc_write_failures = count_of(entry, "doc_write_failures");
    counts.bulk_get_docs = count_of(entry, "bulk_get_docs");
    counts.bulk_get_attempts = count_of(entry, "bulk_get_attempts");
    parsed.json = entry.dump();
    return parsed;
}

bool has_session(const std::vector<HistoryEntry>& history, std::size_t from,
                 const std::string& session_id) {
    if (session_id.empty()) return false;
    const auto same = [&](const HistoryEntry& entry) { return entry.session_id == session_id; };
    const auto begin = history.begin() + static_cast<std::ptrdiff_t>(
                                             std::min(from, history.size()));
    return std::any_of(begin, history.end(), same);
}

std::vector<HistoryEntry> rest_of(const std::vector<HistoryEntry>& history, std::size_t from) {
    return {history.begin() + static_cast<std::ptrdiff_t>(from), history.end()};
}

// Step by step through both, the newest sessions first, until one end knows the other's.
CommonAncestry compare_histories(const std::vector<HistoryEntry>& source,
                                 const std::vector<HistoryEntry>& target) {
    const auto steps = std::min(source.size(), target.size());
    for (std::size_t i = 0; i < steps; ++i) {
        if (has_session(target, i, source[i].session_id)) {
            return {source[i].recorded_sequence, rest_of(source, i + 1)};
        }
        if (has_session(source, i + 1, target[i].session_id)) {
            return {target[i].recorded_sequence, rest_of(target, i + 1)};
        }
    }
    return {};
}

std::string http_date(std::int64_t seconds) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT",
                       fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string write_entry(const Session& session) {
    const auto& counts = session.counts;
    return fmt::format(
        R"({{"session_id":{},"start_time":"{}","end_time":"{}","start_last_seq":{},)"
        R"("end_last_seq":{},"recorded_seq":{},"missing_checked":{},"missing_found":{},)"
        R"("docs_read":{},"docs_written":{},"doc_write_failures":{},"bulk_get_docs":{},)"
        R"("bulk_get_attempts":{}}})",
        json_string(session.id), http_date(session.start_time), http_date(session.end_time),
        session.start_sequence, session.end_sequence, session.end_sequence,
        counts.revisions_checked, counts.missing_revisions_found, counts.docs_read,
        counts.docs_written, counts.doc_write_failures, counts.bulk_get_docs,
        counts.bulk_get_attempts);
}

}  // namespace

ReplicationLog parse_log(std::string_view json) {
    ReplicationLog log;
    const auto parsed = parse_json(json);
    if (!parsed || !parsed->is_object()) return log;
    log.revision = text_of(*parsed, "_rev");
    log.session_id = text_of(*parsed, "session_id");
    log.source_last_sequence = sequence_of(*parsed, "source_last_seq");
    for (const auto& [name, value] : parsed->members()) {
        if (name == "_id" || name == "_rev") continue;
        if (!log.members.empty()) log.members += ',';
        append_json_string(log.members, name);
        log.members += ':';
        value.dump_to(log.members);
    }
    const auto* history = parsed->find("history");
    if (!history || !history->is_array()) return log;
    for (const auto& entry : history->items()) {
        if (log.history.size() == history_entries_max) break;
        if (entry.is_object()) log.history.push_back(parse_entry(entry));
    }
    return log;
}

CommonAncestry compare_logs(const ReplicationLog& source, const ReplicationLog& target) {
    if (!source.session_id.empty() && source.session_id == target.session_id) {
        return {source.source_last_sequence, source.history};
    }
    return compare_histories(source.history, target.history);
}

std::string write_log(const Session& session, const std::vector<HistoryEntry>& earlier) {
    auto out = fmt::format(
        R"("session_id":{},"source_last_seq":{},"replication_id_version":{})",
        json_string(session.id), session.end_sequence, id_version);
    if (session.of_doc_ids) {
        const auto& counts = session.counts;
        out += fmt::format(
            R"(,"start_time":"{}","end_time":"{}","docs_read":{},"docs_written":{},)"
            R"("doc_write_failures":{})",
            http_date(session.start_time), http_date(session.end_time), counts.docs_read,
            counts.docs_written, counts.doc_write_failures);
    }
    out += R"(,"history":[)";
    out += write_entry(session);
    const auto kept = std::min(earlier.size(), history_entries_max - 1);
    for (std::size_t i = 0; i < kept; ++i) {
        out += ',';
        out += earlier[i].json;
    }
    out += ']';
    return out;
}

}  // namespace divan::replication
