#include "server/handlers/databases/maintenance.h"

#include "server/handlers/json_body.h"
#include "storage/base/log.h"

namespace divan::server {
namespace {

// On a pool thread, where nobody waits for the outcome.
void compact_aside(storage::Database& database) {
    try {
        database.compact();
    } catch (const std::exception& failure) {
        log(LogLevel::error, "compaction of " + database.name() + " failed: " + failure.what());
    }
}

}  // namespace

Task<Response> post_compact(Call& call) {
    require_json_type(call.request);
    call.services.pool.post([database = call.database] { compact_aside(*database); });
    co_return ok_response(202);
}

// Everything that was acknowledged is on disk already.
Task<Response> post_ensure_full_commit(Call& call) {
    require_json_type(call.request);
    co_return json_response(201, R"({"ok":true,"instance_start_time":")" +
                                     std::to_string(call.db().entry().created_seconds) + "\"}\n");
}

}  // namespace divan::server
