#pragma once

#include <vector>

#include "replication/peer.h"
#include "tools/import/model.h"

namespace divan::import {

/// A leaf as a peer stores it: `_id`, `_rev`, `_revisions`, `_deleted`, attachments that follow.
replication::TravellingDocument outgoing(const std::string& id, const Leaf& leaf);

/// The bytes of a leaf's attachments. All are read before the first is sent, so that it is known
/// (`Damage`, from the constructor) what is damaged before anything of it went out.
class LeafBytes final : public replication::AttachmentSource {
public:
    /// `leaf` outlives it.
    explicit LeafBytes(const Leaf& leaf);
    ~LeafBytes() override;
    Task<bool> read(std::size_t index, std::string& out) override;

private:
    struct Held;
    std::vector<std::unique_ptr<Held>> held_;
};

}  // namespace divan::import
