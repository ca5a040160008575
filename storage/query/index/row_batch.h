#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/query/index/index_node.h"
#include "storage/query/index/mapper.h"

namespace divan::storage {

/// The rows of many documents, on their way into an index. Documents are added a group at a time,
/// each once; a document without rows is one whose old rows go. One thread at a time.
class RowBatch final : public RowSink {
public:
    explicit RowBatch(const IndexDefinition& definition) : definition_(definition) {}

    /// What `emit` counts from: documents added from here on are 0, 1, …
    void begin_group() { group_ = ids_.size(); }
    void add_document(std::string_view id) { ids_.push_back(keep(id)); }
    void emit(std::size_t document, std::size_t tree, BytesView key, BytesView value) override;

    /// Sorts the rows, and numbers those of one document and one key by key and value as Erlang
    /// orders them: couch_mrview_updater:insert_results/6. Nothing is added afterwards.
    void finish();

    struct Row {
        std::uint32_t document;
        std::uint32_t tree;
        IndexRow row;
    };
    /// By tree, then by entry.
    std::span<const Row> rows() const { return rows_; }
    std::span<const BytesView> ids() const { return ids_; }
    std::size_t bytes() const { return bytes_; }
    /// Copies `bytes` to where they stay as long as the batch.
    BytesView keep(BytesView bytes);

private:
    void number_equals(std::span<Row> equals);

    const IndexDefinition& definition_;
    std::size_t group_ = 0;
    std::vector<BytesView> ids_;
    std::vector<Row> rows_;
    std::vector<std::unique_ptr<char[]>> blocks_;
    std::size_t block_left_ = 0;
    char* block_at_ = nullptr;
    std::size_t bytes_ = 0;
    Bytes scratch_;
};

/// The number that tells rows of one document and key apart: 0 for the first.
std::uint32_t row_number(const IndexRow& row);

}  // namespace divan::storage
