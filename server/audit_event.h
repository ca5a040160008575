#pragma once

#include <string>

#include "auth/audit.h"
#include "server/routes.h"

namespace divan::server {

/// An event of this name by whoever makes this call. Hand it to `Services::audit`.
auth::AuditEvent audit_event(const Call& call, std::string name);

}  // namespace divan::server
