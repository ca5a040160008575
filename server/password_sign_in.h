#pragma once

#include "auth/accounts.h"
#include "storage/base/async/task.h"
#include "server/routes.h"

namespace divan::server {

/// Whose credentials these are. Computes a hash on the pool. Refuses as `Accounts::verify` does,
/// and with `too_many_requests` where the account or the address had too many failures
/// (`Call::retry_after` says how long to wait). Every outcome goes to the audit log, `way` as its
/// detail. Both outlive the task.
Task<Result<auth::Account>> sign_in_by_password(Call& call, const auth::Credentials& credentials,
                                                std::string_view way);

}  // namespace divan::server
