#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replication/peer.h"

namespace divan::replication {

/// An attachment as a document tells of it.
struct AttachmentOutline {
    std::string name;
    std::string content_type;
    std::string encoding;         ///< "gzip", or empty.
    bool follows = false;
    bool has_data = false;        ///< Its bytes are in the text.
    std::uint64_t bytes = 0;      ///< Encoded, where there is an encoding.
    std::uint64_t decoded_bytes = 0;
    std::string_view members;     ///< The whole object; a view into the document.
};

/// What a replicator looks at in a document on its way. Views are into the document's text.
struct DocumentOutline {
    std::string id;
    storage::Revision revision;
    std::vector<AttachmentOutline> attachments;
    std::string_view attachments_text;  ///< The value of `_attachments`.
};

/// Empty where `json` is no document, or has no `_id` or `_rev`.
std::optional<DocumentOutline> read_outline(std::string_view json);

/// The document with what of its attachments follows. Takes `json`, which `outline` is of.
TravellingDocument travelling(const DocumentOutline& outline, std::string json);

/// The same document, with attachments that follow said to come decoded; stubs are said to follow
/// too where `stubs_too`.
std::string with_followers(std::string_view json, const DocumentOutline& outline, bool stubs_too);

/// "N-hash" of a JSON string; empty where it is none.
std::optional<storage::Revision> revision_of(std::string_view value);

}  // namespace divan::replication
