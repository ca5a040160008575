#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "replication/peer.h"

namespace divan::replication {

/// The body of `_revs_diff` for `asked[begin]` up to `asked[end]`.
std::string revisions_diff_body(const std::vector<DocumentRevisions>& asked, std::size_t begin,
                                std::size_t end);

/// Appends what the answer to it says. Throws `PeerFailure` (`malformed`).
void read_revisions_diff(std::string_view body, std::vector<DocumentRevisions>& missing);

}  // namespace divan::replication
