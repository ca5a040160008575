#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/http/response.h"
#include "server/services.h"
#include "storage/database/read_view.h"

namespace divan::server {

/// A piece of an answer: text, or a stretch of an attachment's stored bytes, or (`unpacked`) a
/// gzipped attachment as it was before.
struct Segment {
    std::string text;
    std::optional<storage::StoredAttachment> attachment;
    std::uint64_t offset = 0;
    std::uint64_t count = 0;
    bool unpacked = false;
};

Segment text_segment(std::string text);
Segment stored_segment(const storage::StoredAttachment& attachment);
Segment range_segment(const storage::StoredAttachment& attachment, std::uint64_t offset,
                      std::uint64_t count);
Segment unpacked_segment(const storage::StoredAttachment& attachment);

/// How many bytes they are together. Empty where one is unpacked and its length was never known.
std::optional<std::uint64_t> segments_bytes(const std::vector<Segment>& segments);

/// Makes `segments` the body of `response`: read at once where they are few bytes, else streamed
/// from the pool, a piece ahead of the socket. Nothing is read for a HEAD.
void set_segments(Response& response, const Services& services, bool head,
                  std::shared_ptr<const storage::ReadView> view, std::vector<Segment> segments);

}  // namespace divan::server
