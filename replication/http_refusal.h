#pragma once

#include <string_view>

#include "replication/http/client.h"

namespace divan::replication {

/// What an answer says that is none of those wanted: by its status, with the peer's own words.
PeerFailure refusal_of(const HttpClient& client, int status, std::string_view body);

}  // namespace divan::replication
