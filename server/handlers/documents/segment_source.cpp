#include "server/handlers/documents/segment_source.h"

#include "server/handlers/errand.h"

namespace divan::server {
namespace {

constexpr std::size_t piece_bytes = storage::attachment_chunk_bytes;
constexpr std::uint64_t at_once_bytes_max = 64U << 10;
constexpr std::size_t gzip_step_bytes = 64U << 10;

/// Reads segments one after the other. One thread at a time.
class SegmentReader {
public:
    SegmentReader(std::shared_ptr<const storage::ReadView> view, std::vector<Segment> segments)
        : view_(std::move(view)), segments_(std::move(segments)) {}

    /// Appends about `piece_bytes`; false at the end, and then nothing was appended.
    bool read(std::string& out) {
        const auto before = out.size();
        while (out.size() - before < piece_bytes && next_ < segments_.size()) {
            auto& segment = segments_[next_];
            if (!segment.attachment) {
                out += segment.text;
                ++next_;
            } else if (segment.unpacked) {
                unpack(segment, out);
            } else {
                copy(segment, out, piece_bytes - (out.size() - before));
            }
        }
        return out.size() > before;
    }

private:
    void copy(Segment& segment, std::string& out, std::size_t room) {
        const auto size = std::min<std::uint64_t>(room, segment.count);
        view_->read_attachment(*segment.attachment, segment.offset,
                               static_cast<std::size_t>(size), out);
        segment.offset += size;
        segment.count -= size;
        if (segment.count == 0) ++next_;
    }

    void unpack(Segment& segment, std::string& out) {
        if (!inflater_) inflater_ = std::make_unique<Inflater>(Inflater::Rest::passed_over);
        if (packed_.size() == packed_at_ && !inflater_->holds_more()) {
            const auto size = std::min<std::uint64_t>(gzip_step_bytes, segment.count);
            packed_.clear();
            packed_at_ = 0;
            view_->read_attachment(*segment.attachment, segment.offset,
                                   static_cast<std::size_t>(size), packed_);
            segment.offset += size;
            segment.count -= size;
        }
        const auto before = out.size();
        auto rest = BytesView(packed_).substr(packed_at_);
        storage::unpack_step(*inflater_, rest, out, piece_bytes);
        packed_at_ = packed_.size() - rest.size();
        unpacked_ += out.size() - before;
        const bool done = packed_at_ == packed_.size() && segment.count == 0 &&
                          !inflater_->holds_more();
        // Who sent it gzipped said how long it is; the answer's length was built on that.
        const auto& attachment = *segment.attachment;
        const bool length_known = attachment.identity_bytes != attachment.stored_bytes;
        if (length_known && (done ? unpacked_ != attachment.identity_bytes
                                  : unpacked_ > attachment.identity_bytes)) {
            throw CorruptBytes();
        }
        if (!done) return;
        inflater_.reset();
        unpacked_ = 0;
        ++next_;
    }

    std::shared_ptr<const storage::ReadView> view_;
    std::vector<Segment> segments_;
    std::size_t next_ = 0;
    std::unique_ptr<Inflater> inflater_;
    Bytes packed_;
    std::size_t packed_at_ = 0;
    std::uint64_t unpacked_ = 0;
};

class SegmentSource final : public ChunkSource {
public:
    SegmentSource(WorkPool& pool, std::shared_ptr<SegmentReader> reader)
        : pool_(pool), reader_(std::move(reader)) {}

    Task<bool> next(std::string& out) override {
        if (!ahead_) read_ahead();
        out = co_await *ahead_;
        ahead_.reset();
        if (out.empty()) co_return false;
        read_ahead();
        co_return true;
    }

private:
    void read_ahead() {
        ahead_.emplace(pool_, [reader = reader_] {
            std::string piece;
            reader->read(piece);
            return piece;
        });
    }

    WorkPool& pool_;
    std::shared_ptr<SegmentReader> reader_;  // Shared with what is read ahead.
    std::optional<Errand<std::string>> ahead_;
};

}  // namespace

Segment text_segment(std::string text) {
    Segment segment;
    segment.text = std::move(text);
    return segment;
}

Segment stored_segment(const storage::StoredAttachment& attachment) {
    return range_segment(attachment, 0, attachment.stored_bytes);
}

Segment range_segment(const storage::StoredAttachment& attachment, std::uint64_t offset,
                      std::uint64_t count) {
    Segment segment;
    segment.attachment = attachment;
    segment.offset = offset;
    segment.count = count;
    return segment;
}

Segment unpacked_segment(const storage::StoredAttachment& attachment) {
    auto segment = stored_segment(attachment);
    segment.unpacked = true;
    return segment;
}

std::optional<std::uint64_t> segments_bytes(const std::vector<Segment>& segments) {
    std::uint64_t bytes = 0;
    for (const auto& segment : segments) {
        if (!segment.attachment) {
            bytes += segment.text.size();
        } else if (!segment.unpacked) {
            bytes += segment.count;
        } else if (segment.attachment->identity_bytes != segment.attachment->stored_bytes) {
            bytes += segment.attachment->identity_bytes;
        } else {
            // It came gzipped, and was counted as it came.
            return std::nullopt;
        }
    }
    return bytes;
}

void set_segments(Response& response, const Services& services, bool head,
                  std::shared_ptr<const storage::ReadView> view, std::vector<Segment> segments) {
    response.length = segments_bytes(segments);
    auto reader = std::make_shared<SegmentReader>(std::move(view), std::move(segments));
    if (!head && response.length && *response.length <= at_once_bytes_max) {
        response.length.reset();
        response.body.clear();
        while (reader->read(response.body)) {
        }
        return;
    }
    response.source = std::make_unique<SegmentSource>(services.pool, std::move(reader));
}

}  // namespace divan::server
