#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace divan::replication {

/// Cuts an answer into its rows as it arrives, in memory bounded by one row. Rows are objects: what
/// is between their brackets is looked at by who reads the row.
class RowSplitter {
public:
    enum class Form : std::uint8_t {
        lines,    ///< A continuous feed: one row after another.
        list,     ///< `[row,…]`
        results,  ///< `{"results":[row,…],…}`
    };
    explicit RowSplitter(Form form) : form_(form) {}

    static constexpr std::size_t row_bytes_max = std::size_t{1} << 30;
    static constexpr std::size_t frame_bytes_max = 64 * 1024;

    /// Bytes are appended here. Views of rows are good until then.
    std::string& input();
    /// The next row; empty where more bytes are needed. Throws `PeerFailure` (`malformed`) where
    /// there is no such answer.
    std::optional<std::string_view> next();
    /// What is around the rows; of `lines` nothing.
    const std::string& frame() const { return frame_; }
    /// The answer is whole; of `lines`, no row is unfinished.
    bool complete() const;
    /// Bytes that `next` has not looked at.
    std::size_t unread() const { return buffer_.size() - at_; }

private:
    bool row_begins() const;
    void step_in(char c);
    void step_in_row(char c);
    void add_to_frame(char c);

    Form form_;
    std::string buffer_;
    std::size_t at_ = 0;
    std::optional<std::size_t> row_;  ///< Where the unfinished row begins.
    std::size_t row_depth_ = 0;
    std::string open_;  ///< Brackets around the rows.
    bool in_string_ = false;
    bool escaped_ = false;
    bool begun_ = false;
    bool in_results_ = false;  ///< The list at hand, of the form `results`.
    std::string frame_;
};

}  // namespace divan::replication
