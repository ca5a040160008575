#include "server/audit_event.h"

namespace divan::server {

auth::AuditEvent audit_event(const Call& call, std::string name) {
    auth::AuditEvent event;
    event.event = std::move(name);
    event.user = call.identity.name;
    event.address = call.client_address;
    if (const auto* agent = call.request.header("user-agent")) event.agent = *agent;
    return event;
}

}  // namespace divan::server
