#pragma once

#include <string>
#include <vector>

#include "server/services.h"

namespace divan::server {

/// Writes an ordinary user document without a password: its user signs in by passkey only. Refuses
/// with `conflict` where the name is taken, by a document or by an admin, and with `forbidden`
/// roles of the system ("_admin"). What is referred to outlives the task.
Task<Result<storage::Revision>> create_user(Services& services, const std::string& name,
                                            const std::vector<std::string>& roles);
/// Takes back what `create_user` has just made, unless it was changed meanwhile.
Task<void> remove_user(Services& services, const std::string& name,
                       const storage::Revision& revision);

}  // namespace divan::server
