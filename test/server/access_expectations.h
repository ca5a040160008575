#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace divan::server {

/// Who may call a route, as `access_matrix_test.cpp` checks it.
enum class Who : std::uint8_t {
    anyone,          ///< Even where a login is required.
    visitor,         ///< Anyone, unless a login is required.
    oneself,         ///< Whoever is signed in: about the own account.
    signed_in,       ///< Whoever is signed in, in words of the address itself.
    inviter,         ///< Server admins; an address of signing in, which is open to be asked.
    member,          ///< Of the database.
    database_admin,  ///< 403 for its members.
    maintainer,      ///< The same people; 401 for others.
    metrics,         ///< Server admins, and the role `_metrics`.
    server_admin,
};

struct Expectation {
    std::string_view route;
    Who who;
};

/// One row a route. Written beside the table of routes, not from it: whoever adds a route says
/// here a second time who may call it.
std::span<const Expectation> expectations();

}  // namespace divan::server
