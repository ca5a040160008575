#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

namespace divan::replication {

/// Which batches of changes are being copied, in the order of the feed. They end in any order; a
/// checkpoint may only name a sequence that everything before it has reached.
class InFlight {
public:
    explicit InFlight(std::string start) : through_(std::move(start)), highest_(through_) {}

    /// `sequence` is that of the batch's last change. Returns the batch's ticket.
    std::uint64_t begin(std::string sequence, std::size_t rows) {
        batches_.push_back({std::move(sequence), rows, false});
        rows_ += rows;
        return first_ + batches_.size() - 1;
    }
    void done(std::uint64_t ticket) {
        auto& batch = batches_[ticket - first_];
        batch.done = true;
        rows_ -= batch.rows;
        if (ticket >= highest_ticket_) {
            highest_ticket_ = ticket;
            highest_ = batch.sequence;
        }
        while (!batches_.empty() && batches_.front().done) {
            through_ = std::move(batches_.front().sequence);
            batches_.pop_front();
            ++first_;
        }
    }

    /// All changes up to it are done.
    const std::string& through() const { return through_; }
    /// The highest that is done.
    const std::string& highest() const { return highest_; }
    /// Changes that were read and are not done.
    std::uint64_t rows() const { return rows_; }

private:
    struct Batch {
        std::string sequence;
        std::size_t rows;
        bool done;
    };
    std::deque<Batch> batches_;
    std::uint64_t first_ = 0;  ///< The ticket of `batches_.front()`.
    std::uint64_t highest_ticket_ = 0;
    std::uint64_t rows_ = 0;
    std::string through_;
    std::string highest_;
};

}  // namespace divan::replication
