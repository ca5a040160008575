#include "server/replication/local_failure.h"

#include "server/http/response.h"
#include "storage/base/bytes.h"
#include "storage/base/log.h"
#include "storage/engine/engine.h"

namespace divan::server {
namespace {

using replication::PeerFailure;
using Kind = PeerFailure::Kind;

Kind kind_of(int status) {
    if (status == 401) return Kind::unauthorized;
    if (status == 403) return Kind::forbidden;
    if (status == 404) return Kind::not_found;
    return status >= 500 || status == 429 ? Kind::unreachable : Kind::rejected;
}

}  // namespace

PeerFailure peer_failure(const Error& error) {
    const auto told = describe(error);
    std::string reason;
    if (told.reason_is_json) {
        told.append_reason(reason);
    } else {
        reason = told.reason;
    }
    return {kind_of(told.status), std::string(told.name), std::move(reason), told.status};
}

bool may_heal(const Error& error) {
    const auto status = describe(error).status;
    return (status >= 500 && error.code != Code::not_implemented) || status == 429;
}

void rethrow_as_failure() {
    try {
        throw;
    } catch (const PeerFailure&) {
        throw;
    } catch (const Refused& refused) {
        throw peer_failure(refused.error());
    } catch (const storage::EngineFailure& failure) {
        log(LogLevel::error, std::string("replication: ") + failure.what());
        throw peer_failure({failure.code(), {}, {}});
    } catch (const CorruptBytes& failure) {
        log(LogLevel::error, std::string("replication: ") + failure.what());
        throw peer_failure({Code::storage_failed, {}, {}});
    } catch (const std::exception& failure) {
        log(LogLevel::error, std::string("replication: ") + failure.what());
        throw peer_failure({Code::internal_error, {}, {}});
    }
}

PeerFailure cancelled_failure() {
    return {Kind::cancelled, "cancelled", "The replication was cancelled"};
}

}  // namespace divan::server
