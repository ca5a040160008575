#include "storage/query/index/row_batch.h"

#include <algorithm>
#include <cstring>

#include "storage/document/client_document.h"
#include "storage/query/collation.h"

namespace divan::storage {
namespace {

constexpr std::size_t block_bytes = 256U << 10;

}  // namespace

void append_partition_key(Bytes& out, std::string_view partition) {
    ByteWriter(out).ordered(partition);
}

std::uint32_t row_number(const IndexRow& row) {
    const auto rest = row.entry.substr(row.place().size());
    return rest.empty() ? 0 : ByteReader(rest).u32();
}

BytesView RowBatch::keep(BytesView bytes) {
    if (bytes.size() > block_left_) {
        block_left_ = std::max(bytes.size(), block_bytes);
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_left_));
        block_at_ = blocks_.back().get();
    }
    std::memcpy(block_at_, bytes.data(), bytes.size());
    const BytesView kept(block_at_, bytes.size());
    block_at_ += bytes.size();
    block_left_ -= bytes.size();
    bytes_ += bytes.size();
    return kept;
}

void RowBatch::emit(std::size_t document, std::size_t tree, BytesView key, BytesView value) {
    DIVAN_CHECK(group_ + document < ids_.size() && tree < definition_.trees.size());
    const auto index = group_ + document;
    scratch_.clear();
    if (definition_.partitioned) append_partition_key(scratch_, partition_of(ids_[index]));
    append_collation_key(scratch_, JsonText(key), definition_.trees[tree].collation);
    Row row{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(tree), {}};
    row.row.collation_bytes = static_cast<std::uint32_t>(scratch_.size());
    ByteWriter(scratch_).ordered(ids_[index]);
    row.row.entry = keep(scratch_);
    row.row.key = keep(key);
    row.row.value = keep(value);
    rows_.push_back(row);
}

void RowBatch::finish() {
    std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
        return a.tree != b.tree ? a.tree < b.tree : a.row.entry < b.row.entry;
    });
    for (std::size_t from = 0; from < rows_.size();) {
        auto to = from + 1;
        while (to < rows_.size() && rows_[to].tree == rows_[from].tree &&
               rows_[to].row.entry == rows_[from].row.entry) {
            ++to;
        }
        if (to - from > 1) number_equals(std::span(rows_).subspan(from, to - from));
        from = to;
    }
}

void RowBatch::number_equals(std::span<Row> equals) {
    std::stable_sort(equals.begin(), equals.end(), [](const Row& a, const Row& b) {
        const int keys = compare_raw(JsonText(a.row.key), JsonText(b.row.key));
        if (keys != 0) return keys < 0;
        return compare_raw(JsonText(a.row.value), JsonText(b.row.value)) < 0;
    });
    for (std::uint32_t number = 1; number < equals.size(); ++number) {
        scratch_ = equals[number].row.entry;
        ByteWriter(scratch_).u32(number);
        equals[number].row.entry = keep(scratch_);
    }
}

}  // namespace divan::storage
