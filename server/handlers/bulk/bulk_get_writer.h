#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/handlers/bulk/bulk_get_reader.h"

namespace divan::server {

/// Writes the answer to a `_bulk_get` piece by piece. One thread at a time.
class BulkGetWriter {
public:
    virtual ~BulkGetWriter() = default;
    /// Appends about `bytes` more; false where that was the end. Blocks on the engine.
    virtual bool append(std::string& out, std::size_t bytes) = 0;
};

/// `{"results":[{"id":…,"docs":[{"ok":…}]}]}`.
class BulkGetJson : public BulkGetWriter {
public:
    BulkGetJson(BulkGetReader reader, storage::DocumentOptions options)
        : reader_(std::move(reader)), options_(std::move(options)) {}
    bool append(std::string& out, std::size_t bytes) override;

private:
    void append_row(std::string& out, const BulkGetReader::Found& found);

    BulkGetReader reader_;
    storage::DocumentOptions options_;
    bool started_ = false;
    bool first_ = true;
};

/// A part for each revision; a part with attachments is multipart/related itself.
class BulkGetMultipart : public BulkGetWriter {
public:
    BulkGetMultipart(BulkGetReader reader, storage::DocumentOptions options, std::string boundary);
    bool append(std::string& out, std::size_t bytes) override;

private:
    /// False at the end of all rows.
    bool next_row(std::string& out);
    void append_revision(std::string& out, const storage::OpenRevision& revision);
    void begin_attachment(std::string& out);
    void append_attachment(std::string& out);
    void append_error(std::string& out, std::string_view json);

    BulkGetReader reader_;
    storage::DocumentOptions options_;
    const std::string outer_;
    const std::string inner_;
    const BulkGetReader::Found* found_ = nullptr;
    std::size_t next_revision_ = 0;
    std::vector<const storage::StoredAttachment*> attachments_;  ///< Of the revision under way.
    std::size_t attachment_ = 0;
    std::uint64_t offset_ = 0;
    bool any_ = false;
};

}  // namespace divan::server
