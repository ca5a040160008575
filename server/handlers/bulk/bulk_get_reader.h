#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/json.h"
#include "storage/database/document_text.h"

namespace divan::server {

/// Why a row of `_bulk_get` cannot be looked up. `id` and `rev` are told as they were sent.
struct BulkGetError {
    std::string id_json;
    std::string rev_json;
    Error error;
};

/// One row of a `_bulk_get` request.
struct BulkGetRow {
    std::string id;
    std::optional<std::vector<storage::Revision>> revisions;   ///< Empty: every leaf.
    std::optional<std::vector<storage::Revision>> atts_since;
    std::optional<BulkGetError> error;
};

/// Reads the rows of `docs`. What is wrong with one stays with it.
std::vector<BulkGetRow> parse_bulk_get(const JsonValue& docs, bool partitioned);

/// Looks rows up, many at a time but never more than about a megabyte. One thread at a time.
class BulkGetReader {
public:
    BulkGetReader(std::shared_ptr<const storage::ReadView> view, std::vector<BulkGetRow> rows,
                  bool latest);

    struct Found {
        const BulkGetRow* row = nullptr;
        /// Null where there is no such document.
        const storage::DocumentRecord* record = nullptr;
        /// None where there is no such document and no revision was asked for.
        std::vector<storage::OpenRevision> revisions;
    };
    /// In the order of the rows; null at the end. Good until the next call.
    const Found* next();
    const storage::ReadView& view() const { return *view_; }

private:
    void load_window();
    void choose(std::size_t count);
    void load_bodies();

    std::shared_ptr<const storage::ReadView> view_;
    std::vector<BulkGetRow> rows_;
    const bool latest_;
    std::size_t next_row_ = 0;  ///< The first row after the window.
    std::size_t window_rows_;
    std::vector<std::optional<storage::DocumentRecord>> records_;
    std::vector<std::vector<storage::ChosenRevision>> chosen_;
    std::vector<Found> window_;
    std::size_t next_found_ = 0;
};

}  // namespace divan::server
