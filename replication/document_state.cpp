#include "replication/document_state.h"

#include <algorithm>

#include "replication/job_history.h"
#include "storage/base/log.h"
#include "storage/database/read_view.h"
#include "storage/database/record.h"

namespace divan::replication {
namespace {

constexpr std::string_view state_key = "_replication_state";
constexpr std::string_view time_key = "_replication_state_time";
constexpr std::string_view reason_key = "_replication_state_reason";
constexpr std::string_view id_key = "_replication_id";
constexpr std::string_view stats_key = "_replication_stats";

StateFields fields_of(std::string_view state) {
    return {{std::string(state_key), json_string(state)}};
}

void add(StateFields& fields, std::string_view key, std::string value = {}) {
    fields.emplace_back(key, std::move(value));
}

storage::Edit state_edit(std::string_view id, const storage::WinnerDocument& found,
                         std::string_view body) {
    auto document = storage::parse_client_document(body).value();
    document.id = std::string(id);
    document.revision = found.head.winner;
    auto edit = storage::make_edit(std::move(document), true).value();
    for (const auto& attachment : found.body.attachments()) {
        storage::EditAttachment stub;
        stub.stub = true;
        stub.stored = attachment;
        edit.attachments.push_back(std::move(stub));
    }
    edit.revision.reset();  // It was that of a document without attachments.
    return edit;
}

}  // namespace

bool holds_replications(std::string_view database) {
    return database == "_replicator" || database.ends_with("/_replicator");
}

StateFields completed_fields(std::string stats_json) {
    auto fields = fields_of("completed");
    add(fields, reason_key);
    add(fields, stats_key, std::move(stats_json));
    return fields;
}

StateFields failed_fields(std::string_view reason) {
    auto fields = fields_of("failed");
    add(fields, stats_key);
    add(fields, reason_key, json_string(reason));
    return fields;
}

StateFields triggered_fields(std::string_view replication_id) {
    auto fields = fields_of("triggered");
    add(fields, reason_key);
    add(fields, id_key, json_string(replication_id));
    add(fields, stats_key);
    return fields;
}

StateFields error_fields(std::string_view reason, std::string_view replication_id) {
    auto fields = fields_of("error");
    add(fields, reason_key, json_string(reason));
    add(fields, stats_key);
    add(fields, id_key, replication_id.empty() ? "null" : json_string(replication_id));
    return fields;
}

StateFields no_fields() {
    StateFields fields;
    for (const auto key : {state_key, time_key, reason_key, id_key, stats_key}) add(fields, key);
    return fields;
}

std::string with_state(const JsonValue& body, const StateFields& fields, std::int64_t now) {
    std::vector<std::pair<std::string, std::string>> members;
    for (const auto& [key, value] : body.members()) members.emplace_back(key, value.dump());
    const auto put = [&](std::string_view key, const std::string& json) {
        const auto found = std::find_if(members.begin(), members.end(),
                                        [&](const auto& member) { return member.first == key; });
        if (json.empty()) {
            if (found != members.end()) members.erase(found);
        } else if (found == members.end()) {
            members.emplace_back(key, json);
        } else {
            found->second = json;
        }
    };
    for (const auto& [key, json] : fields) {
        const auto* before = body.find(key);
        const bool same = before && before->dump() == json;
        put(key, json);
        if (key == state_key && !json.empty() && !same) {
            put(time_key, json_string(iso_time(now)));
        }
    }
    std::string json = "{";
    for (const auto& [key, value] : members) {
        if (json.size() > 1) json += ',';
        append_json_string(json, key);
        json += ':';
        json += value;
    }
    return json + "}";
}

void write_state(storage::Catalog& catalog, std::string_view database, std::string_view id,
                 const StateFields& fields, std::int64_t now) {
    constexpr int tries_max = 100;
    for (int tried = 0; tried < tries_max; ++tried) {
        const auto opened = catalog.open(database);
        const auto found = opened ? storage::read_winner(*opened, id) : std::nullopt;
        if (!found || found->head.deleted) return;
        const auto before = parse_json(found->body.text()).value();
        const auto body = with_state(before, fields, now);
        if (body == before.dump()) return;
        std::vector<storage::Edit> edits;
        edits.push_back(state_edit(id, *found, body));
        const auto outcomes = opened->writer().write(std::move(edits));
        const auto& error = outcomes.has_error() ? outcomes.error()
                            : outcomes->front().has_error() ? outcomes->front().error()
                                                            : Error{Code::conflict, {}, {}};
        if (outcomes.has_value() && outcomes->front().has_value()) return;
        if (error.code != Code::conflict) throw Refused(error);
    }
    log(LogLevel::error, "the state of replication document " + std::string(id) + " in " +
                             std::string(database) + " was not written: too many conflicts");
}

}  // namespace divan::replication
