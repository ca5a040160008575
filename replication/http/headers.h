#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replication/http/answer_parser.h"
#include "replication/http_peer.h"

namespace divan::replication {

/// Whether two headers have the same name.
bool same_header(std::string_view a, std::string_view b);

struct OwnHeaders {
    HttpHeaders headers;
    std::optional<HttpCredentials> credentials;  ///< Of a Basic `Authorization`, which is left out.
};
/// The `headers` of a replication's end. What frames the message is ours and is left out. Throws
/// `PeerFailure` (`rejected`) where one would become two.
OwnHeaders read_own_headers(const std::vector<std::pair<std::string, std::string>>& headers);

/// A part of a path, or a value of a query: all but letters, digits and `-._~` as %XX.
std::string percent_encode(std::string_view text);

/// The reason of an answer that is none of the expected ones: `error` and `reason` of a JSON body,
/// whatever else there is; never more than a few hundred bytes.
struct Refusal {
    std::string error;
    std::string reason;
};
Refusal read_refusal(int status, std::string_view body);

}  // namespace divan::replication
