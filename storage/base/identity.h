#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace divan {

/// Who asks: made by `auth`, read by permissions and by validation functions.
/// CouchDB's `user_ctx`. No name means anonymous (or the admin party that never is).
struct Identity {
    std::string name;
    std::vector<std::string> roles;
    std::string authenticated_by;  ///< The handler's name as `_session` shows it: "default"...
    std::string session_id = {};   ///< Of the session's record; empty where there is none.

    bool anonymous() const { return name.empty() && roles.empty(); }
    bool has_role(std::string_view role) const {
        return std::find(roles.begin(), roles.end(), role) != roles.end();
    }
    bool server_admin() const { return has_role("_admin"); }
};

}  // namespace divan
