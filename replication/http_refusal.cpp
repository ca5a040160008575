#include "replication/http_refusal.h"

#include "replication/http/headers.h"

namespace divan::replication {

PeerFailure refusal_of(const HttpClient& client, int status, std::string_view body) {
    using Kind = PeerFailure::Kind;
    auto refusal = read_refusal(status, body);
    auto kind = Kind::rejected;
    if (status == 401) kind = Kind::unauthorized;
    if (status == 403) kind = Kind::forbidden;
    if (status == 404) kind = Kind::not_found;
    if (status == 408 || status == 429 || status >= 500) kind = Kind::unreachable;
    return {kind, std::move(refusal.error), client.name() + ": " + refusal.reason, status};
}

}  // namespace divan::replication
