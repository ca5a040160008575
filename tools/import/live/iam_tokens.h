#pragma once

#include <memory>
#include <string>

#include "replication/http_clients.h"
#include "replication/http_peer.h"

namespace divan::import {

/// Exchanges an API key of IBM Cloud for tokens at `url`, and again before one ends, or where a
/// server no longer takes it. `clients` outlives it.
std::shared_ptr<replication::TokenSource> make_iam_tokens(std::string url, std::string api_key,
                                                          replication::HttpClients& clients);

}  // namespace divan::import
