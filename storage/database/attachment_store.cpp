#include "storage/database/attachment_store.h"

#include <atomic>
#include <chrono>
#include <utility>

#include "storage/base/log.h"
#include "storage/base/random.h"
#include "storage/database/read_view.h"
#include "storage/engine/keys.h"

namespace divan::storage {

AttachmentId new_attachment_id() {
    // Milliseconds first, so that ids grow with time and never come back after a restart.
    constexpr int counter_bits = 20;
    static std::atomic<std::uint64_t> last{random_u64() & ((1U << counter_bits) - 1)};
    const auto now = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::system_clock::now().time_since_epoch())
            .count());
    auto before = last.load();
    while (true) {
        const auto next = std::max(before + 1, now << counter_bits);
        if (last.compare_exchange_weak(before, next)) return AttachmentId{next};
    }
}

AttachmentWriter::AttachmentWriter(std::shared_ptr<Database> database, std::string name,
                                   std::string content_type, bool gzipped,
                                   const AttachmentSettings& settings)
    : database_(std::move(database)) {
    attachment_.name = std::move(name);
    attachment_.content_type = std::move(content_type);
    attachment_.id = new_attachment_id();
    if (gzipped) {
        attachment_.encoding = AttachmentEncoding::gzip;
    } else if (settings.compression_level > 0 &&
               is_compressible(attachment_.content_type, settings.compressible_types)) {
        attachment_.encoding = AttachmentEncoding::gzip;
        gzip_ = std::make_unique<GzipWriter>(settings.compression_level);
    }
}

AttachmentWriter::~AttachmentWriter() {
    if (kept_ || chunks_ == 0) return;
    const auto chunks = keys::chunks_of(database_->id(), attachment_.id);
    Batch batch;
    batch.erase_range(Family::attachments, chunks, keys::after_prefix(chunks));
    batch.erase(Family::catalog, keys::upload(database_->id(), attachment_.id));
    try {
        database_->engine().commit(batch, Durability::buffered);
    } catch (const std::exception& failure) {
        // The mark of the upload stays too: the next start takes the bytes away.
        log(LogLevel::warning, failure.what());
    }
}

void AttachmentWriter::append(BytesView bytes) {
    DIVAN_CHECK(!finished_);
    received_ += bytes.size();
    if (gzip_) {
        Bytes gzipped;
        gzip_->write(bytes, gzipped);
        store(gzipped);
    } else {
        store(bytes);
    }
}

void AttachmentWriter::store(BytesView bytes) {
    md5_.update(bytes);
    attachment_.stored_bytes += bytes.size();
    while (!bytes.empty()) {
        const auto taken = bytes.substr(0, attachment_chunk_bytes - pending_.size());
        if (pending_.capacity() < pending_.size() + taken.size()) {
            // A small attachment takes what it needs, a large one a whole chunk.
            const bool large = attachment_.stored_bytes > taken.size();
            pending_.reserve(large ? attachment_chunk_bytes : taken.size());
        }
        pending_.append(taken);
        bytes.remove_prefix(taken.size());
        if (pending_.size() < attachment_chunk_bytes) return;
        // The last chunk waits: where it is the only one it goes with the edit.
        if (!full_.empty()) flush_chunk();
        full_ = std::exchange(pending_, {});
    }
}

void AttachmentWriter::flush_chunk() {
    Batch batch;
    if (chunks_ == 0) {
        batch.put(Family::catalog, keys::upload(database_->id(), attachment_.id), "");
    }
    batch.put(Family::attachments, keys::chunk(database_->id(), attachment_.id, chunks_++),
              std::exchange(full_, {}));
    // The commit of the edit syncs these with it.
    database_->engine().commit(batch, Durability::buffered);
}

EditAttachment AttachmentWriter::finish() {
    DIVAN_CHECK(!finished_);
    finished_ = true;
    if (gzip_) {
        Bytes rest;
        gzip_->finish(rest);
        store(rest);
    }
    // A body that came gzipped is counted as it is (couch_att: identity length is not known).
    attachment_.identity_bytes = gzip_ ? received_ : attachment_.stored_bytes;
    attachment_.digest = md5_.finish();

    EditAttachment edit;
    edit.stored = attachment_;
    if (chunks_ == 0 && (full_.empty() || pending_.empty())) {
        edit.bytes = full_.empty() ? std::move(pending_) : std::move(full_);
        return edit;
    }
    if (!full_.empty()) flush_chunk();
    full_ = std::move(pending_);
    if (!full_.empty()) flush_chunk();
    return edit;
}

}  // namespace divan::storage
