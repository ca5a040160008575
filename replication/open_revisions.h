#pragma once

#include <string>
#include <vector>

#include "replication/http/client.h"
#include "replication/http/slots.h"
#include "replication/http_document.h"
#include "replication/peer.h"

namespace divan::replication {

/// Reads revisions of one document with their attachments: `GET doc?open_revs=[…]`, whose answer is
/// multipart/mixed, and of each revision with attachments multipart/related within. A peer that
/// answers with JSON instead (PouchDB Server) is asked for each attachment by itself.
///
/// What it is made from outlives it.
class OpenRevisions {
public:
    /// One document at a time goes to `sink`: whoever calls it holds the slot of `turn`.
    OpenRevisions(HttpClient& client, DocumentSink& sink, Slots& turn)
        : client_(client), sink_(sink), turn_(turn) {}

    /// Tries again where the answer breaks off, for what did not come until then.
    Task<void> fetch(DocumentRevisions wanted);

private:
    class AnswerBytes;

    Task<void> ask(DocumentRevisions& wanted, std::size_t query_bytes_max);
    Task<void> read_mixed(DocumentRevisions& wanted, AnswerBytes& bytes, std::string_view boundary);
    Task<void> read_related(DocumentRevisions& wanted, BodySource& bytes,
                            std::string_view boundary);
    Task<void> read_list(DocumentRevisions& wanted, AnswerBytes& bytes);
    Task<void> read_list_row(DocumentRevisions& wanted, std::string row);
    Task<void> take(DocumentRevisions& wanted, DocumentOutline outline, std::string json,
                    AttachmentSource* attachments);
    void absent(DocumentRevisions& wanted, std::string_view revision);
    HttpRequest request(const DocumentRevisions& wanted, std::size_t query_bytes_max,
                        std::vector<storage::Revision>& asked) const;

    HttpClient& client_;
    DocumentSink& sink_;
    Slots& turn_;
    bool in_sink_ = false;    ///< What is thrown comes from there,
    bool source_failed_ = false;  ///< unless this says otherwise.
};

}  // namespace divan::replication
