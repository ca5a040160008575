#pragma once

#include <exception>
#include <string>
#include <vector>

#include "replication/bulk_get_use.h"
#include "replication/http/client.h"
#include "replication/http/slots.h"
#include "replication/peer.h"

namespace divan::replication {

/// `Peer::fetch` over HTTP: documents come by `_bulk_get`, many at once, small attachments in their
/// text; those with larger ones, and all of a peer that has no `_bulk_get`, one by one, several at
/// a time.
class HttpFetch {
public:
    /// All outlive it.
    HttpFetch(HttpClient& client, DocumentSink& sink, BulkGetUse& bulk_get)
        : client_(client), sink_(sink), bulk_get_(bulk_get) {}

    Task<void> run(std::vector<DocumentRevisions> wanted);

private:
    struct Asked;
    struct Answer;

    Task<void> get_in_bulk(std::vector<DocumentRevisions>& wanted, std::size_t begin,
                           std::size_t end);
    Task<void> get_small_attachments(const std::vector<Asked>& asked);
    Task<bool> ask_bulk(std::vector<Asked>& asked, bool with_data);
    Task<bool> read_bulk(HttpAnswer& answer, std::vector<Asked>& asked, bool with_data);
    Task<void> take_bulk(std::vector<Answer> answers, std::vector<Asked>& asked, std::size_t& row);
    Task<void> get_one_by_one(std::vector<DocumentRevisions> wanted);
    static Task<void> get_some(HttpFetch* fetch, Signal* done);

    HttpClient& client_;
    DocumentSink& sink_;
    BulkGetUse& bulk_get_;
    Slots turn_{1};  ///< At the sink.
    std::vector<DocumentRevisions> left_;
    std::size_t next_ = 0;
    std::size_t running_ = 0;
    std::exception_ptr failure_;
};

}  // namespace divan::replication
