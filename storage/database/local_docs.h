#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/database/all_docs.h"
#include "storage/database/database.h"

namespace divan::storage {

/// A document that stays on this node: no history, no attachments, no place in the changes
/// feed. Replicators keep their checkpoints here.
struct LocalDoc {
    std::uint64_t edit_count = 0;  ///< The N in its revision, "0-N".
    Bytes body;                    ///< The JSON object as received, less `_` members.
};

/// The `_local/` documents of one database, which must outlive it. Holds no state: cheap to make,
/// safe to use from any thread. Ids are given without the `_local/` prefix.
class LocalDocs {
public:
    explicit LocalDocs(Database& database) : database_(database) {}

    std::optional<LocalDoc> get(std::string_view id) const;

    /// Stores `body` and returns its edit count, `seen` + 1. Durable.
    ///
    /// `seen` is the count the client last saw, 0 for a new document. It is not compared with
    /// what is stored: the last writer wins. CouchDB does the same, in
    /// couch_db_updater:increment_local_doc_revs/1.
    std::uint64_t put(std::string_view id, BytesView body, std::uint64_t seen);

    /// Returns false where there was nothing to erase.
    bool erase(std::string_view id);

private:
    Database& database_;
};

/// A local document as of `view`. The id is given without the `_local/` prefix.
std::optional<LocalDoc> local_doc(const ReadView& view, std::string_view id);

/// Walks local documents in byte order of ids (`range.design_only` means nothing here).
class LocalDocsScan {
public:
    struct Row {
        std::string_view id;  ///< Without `_local/`.
        LocalDoc doc;
    };
    LocalDocsScan(std::shared_ptr<const ReadView> view, IdRange range);
    const Row* next();

private:
    std::shared_ptr<const ReadView> view_;
    IdRange range_;
    std::unique_ptr<Cursor> cursor_;
    Row row_;
    bool started_ = false;
};

/// Reads the N of "0-N". Refuses any other form with `bad_request`.
Result<std::uint64_t> parse_local_revision(std::string_view revision);

}  // namespace divan::storage
