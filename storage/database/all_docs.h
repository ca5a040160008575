#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>

#include "storage/database/body_walk.h"
#include "storage/database/read_view.h"

namespace divan::storage {

/// A range of documents in byte order of their ids. Limits are in the direction of the walk.
struct IdRange {
    std::optional<std::string> start;
    std::optional<std::string> end;
    bool inclusive_end = true;
    bool descending = false;
    bool design_only = false;  ///< `_design_docs`.
    std::uint64_t skip = 0;
    std::uint64_t limit = std::numeric_limits<std::uint64_t>::max();
};

/// Walks the documents that are not deleted. One thread at a time; keeps its view alive.
class AllDocsScan {
public:
    struct Row {
        std::string_view id;
        RecordHead head;
        BytesView record;  ///< For `DocumentRecord::decode`.
    };

    AllDocsScan(std::shared_ptr<const ReadView> view, IdRange range);
    ~AllDocsScan();

    /// Documents that are not deleted (of `design_only`: design documents), whatever the range.
    std::uint64_t total_rows() const { return total_rows_; }
    /// How many rows precede the first one of the range in the direction of the walk, `skip`
    /// included. Exact, in O(log n).
    std::uint64_t offset() const { return offset_; }

    /// Null at the end. The row is good until the next call.
    const Row* next();
    /// The body of the row's winner; faster than a look-up when asked for every row.
    std::optional<StoredBody> body();

private:
    void start();
    bool in_range() const;
    bool row_deleted() const;
    void step();

    std::shared_ptr<const ReadView> view_;
    IdRange range_;
    std::unique_ptr<Cursor> cursor_;
    BodyWalk bodies_;
    Row row_;
    std::uint64_t total_rows_ = 0;
    std::uint64_t offset_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t jump_to_ = 0;  ///< Where `jump_`: the position, from the first id, of the start.
    bool jump_ = false;
    bool started_ = false;
};

}  // namespace divan::storage
