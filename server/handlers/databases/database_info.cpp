#include "server/handlers/databases/database_info.h"

#include <fmt/format.h>

#include <iterator>

#include "storage/base/json.h"

namespace divan::server {
namespace {

// What CouchDB 3.5 writes; clients only show it.
constexpr int disk_format_version = 8;

}  // namespace

void append_database_info(std::string& out, const storage::Database& database) {
    const auto state = database.state();
    const auto& entry = database.entry();
    fmt::format_to(
        std::back_inserter(out),
        R"({{"instance_start_time":"{}","db_name":{},"purge_seq":{},"update_seq":{},)"
        R"("sizes":{{"file":{},"external":{},"active":{}}},"props":{{{}}},)"
        R"("doc_del_count":{},"doc_count":{},"disk_format_version":{},"compact_running":{},)"
        R"("cluster":{{"q":{},"n":1,"w":1,"r":1}}}})",
        entry.created_seconds, json_string(database.name()),
        json_string(database.sequence_text(Sequence{state.purge_sequence})),
        json_string(database.sequence_text(state.update_sequence)), database.file_bytes(),
        state.external_bytes(), state.active_bytes(),
        entry.partitioned ? R"("partitioned":true)" : "", state.deleted_count,
        state.document_count, disk_format_version, database.compacting(), entry.shards);
}

void append_database_row(std::string& out, std::string_view name,
                         const storage::Database* database) {
    out += R"({"key":)";
    append_json_string(out, name);
    if (database) {
        out += R"(,"info":)";
        append_database_info(out, *database);
    } else {
        out += R"(,"error":"not_found")";
    }
    out += '}';
}

}  // namespace divan::server
