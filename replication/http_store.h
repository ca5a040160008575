#pragma once

#include <vector>

#include "replication/http/client.h"
#include "replication/peer.h"

namespace divan::replication {

/// `_bulk_docs` with `new_edits=false`, in requests of bounded size; a batch that is too large for
/// the peer, or that it does not take for one of its documents, is halved.
Task<std::vector<StoreOutcome>> store_in_bulk(HttpClient& client,
                                              std::vector<TravellingDocument> documents);

/// `PUT doc?new_edits=false`: multipart/related with the attachments as they come, where some do.
/// Packed attachments are unpacked where the peer would not do it (`unpack`).
Task<StoreOutcome> store_alone(HttpClient& client, TravellingDocument document,
                               AttachmentSource* attachments, bool unpack);

}  // namespace divan::replication
