#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database/read_view.h"
#include "storage/query/mango/find_options.h"

namespace divan::storage::mango {

/// What was read on the way to something.
struct Examined {
    std::uint64_t keys = 0;
    std::uint64_t documents = 0;
    std::uint64_t quorum_documents = 0;  ///< Of queries with `r` above 1, instead of `documents`.

    Examined& operator+=(const Examined& other);
};

/// A document that matches, as it is answered.
struct Match {
    std::string id;
    std::string key;    ///< Of its row in the index, as JSON; of `_all_docs` the id.
    std::string text;   ///< The fields that were asked for.
    Examined examined;  ///< Since the match before.
};

/// What one step brought.
struct Matches {
    std::vector<Match> found;
    Examined rest;  ///< Read after the last match, where `exhausted`.
    bool exhausted = false;
};

/// When a step is over: a step is a unit of work on a pool, and what it brings is held in memory.
struct StepLimits {
    std::uint64_t matches = 0;
    std::uint64_t documents = 16384;
    std::size_t bytes = 256U << 10;
};

/// Documents that match a query, in order, a step at a time. One thread at a time.
class MatchSource {
public:
    virtual ~MatchSource() = default;
    virtual Matches step(const StepLimits& limits) = 0;
};

/// Whether documents match, and what of them is answered. Any thread.
class Matcher {
public:
    /// `view` must outlive it. The options are copied.
    Matcher(const ReadView& view, const FindOptions& options);

    /// Appends what is answered of the document to `out`; false where it does not match. `record`
    /// is the bytes of its record where they are at hand.
    bool accept(std::string_view id, const RecordHead& head, const StoredBody& body,
                std::optional<BytesView> record, std::string& out) const;
    /// The same of a document that is only known by its text.
    bool accept_text(std::string_view document, std::string& out) const;

private:
    const ReadView& view_;
    const Selector selector_;
    const FieldList fields_;
    const bool conflicts_;
    const bool body_decides_;  ///< The selector reads no `_` member.
    const bool body_answers_;  ///< Nor do the fields.
};

}  // namespace divan::storage::mango
