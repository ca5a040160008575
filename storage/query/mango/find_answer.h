#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/query/mango/bookmark.h"
#include "storage/query/mango/match.h"
#include "storage/query/mango/planner.h"

namespace divan::storage::mango {

/// The answer of `_find`, written while matches come: mango_httpd:handle_find_req/2.
///
/// CouchDB learns that the limit is reached by the match after it, and counts what it read up to
/// there. Here the look-out for that match ends after `look_out_documents`, and what it read
/// without finding one is not counted. One thread at a time.
class FindAnswer {
public:
    static constexpr std::uint64_t look_out_documents = 1000;

    /// `warning_ratio` is `[mango] index_scan_warning_threshold`: 0 never warns.
    FindAnswer(const Plan& plan, const FindOptions& options, std::uint64_t warning_ratio);

    /// Whether it has all it was asked for, and only looks out.
    bool satisfied() const { return left_ == 0; }
    /// What the next step should look for.
    StepLimits limits() const;
    /// Writes what a step brought; false where the answer needs no more.
    bool take(const Matches& matches, std::string& out);
    /// Writes what comes after the documents.
    void finish(double milliseconds, std::string& out);

private:
    bool take_match(const Match& match, std::string& out);
    void begin(std::string& out);
    std::string warning() const;

    const bool nothing_;
    const bool all_docs_;
    const bool statistics_;
    const std::string unused_index_;
    const std::uint64_t warning_ratio_;
    std::uint64_t skip_;
    std::uint64_t left_;
    std::uint64_t results_ = 0;
    bool begun_ = false;
    Examined examined_;
    std::string bookmark_;
};

}  // namespace divan::storage::mango
