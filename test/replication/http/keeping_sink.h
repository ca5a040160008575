#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "replication/peer.h"

namespace divan::replication {

/// Keeps what comes: documents whole, their attachments read in pieces.
struct KeepingSink : DocumentSink {
    struct Kept {
        TravellingDocument document;
        std::vector<std::string> attachments;
    };
    std::vector<Kept> kept;
    std::vector<std::string> absentees;
    Peer* forward_to = nullptr;  ///< Documents go on to this one at once.

    Task<void> take(TravellingDocument document, AttachmentSource* attachments) override;
    void absent(std::string_view id, const storage::Revision& revision, std::string_view error,
                std::string_view reason) override;
    const Kept* find(std::string_view id, std::string_view revision) const;
};

}  // namespace divan::replication
