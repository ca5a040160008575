#pragma once

#include <string>
#include <utility>

#include "replication/peer.h"

namespace divan::replication {

inline PeerFailure cancelled() {
    return {PeerFailure::Kind::cancelled, "cancelled", "cancelled"};
}

inline PeerFailure unreachable(std::string error, std::string reason, int status = 0) {
    return {PeerFailure::Kind::unreachable, std::move(error), std::move(reason), status};
}

inline PeerFailure malformed(std::string reason) {
    return {PeerFailure::Kind::malformed, "malformed_answer", std::move(reason)};
}

inline PeerFailure rejected(std::string error, std::string reason, int status = 0) {
    return {PeerFailure::Kind::rejected, std::move(error), std::move(reason), status};
}

}  // namespace divan::replication
