#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "server/http/response.h"
#include "server/services.h"

namespace divan::server {

/// Pieces of this size are produced at a time on the pool.
inline constexpr std::size_t piece_bytes = 64U << 10;

/// The answer to one query: `{"total_rows":…,"rows":[…]}`. One thread at a time, none in
/// particular.
class RowList {
public:
    virtual ~RowList() = default;
    /// Everything up to the first row: `{"total_rows":3,"offset":0,"rows":[` and a line end.
    virtual void head(std::string& out) = 0;
    /// Appends the next row as a JSON object; false at the end, and then nothing was appended.
    virtual bool row(std::string& out) = 0;
    /// Whether all of it takes a few short reads: then it is made where it is asked for, which
    /// costs less than asking another thread.
    virtual bool brief() const { return false; }
};

/// Sends the lists one after the other, as CouchDB lays them out; in `{"results":[…]}` where
/// `several`. What fits one piece is an answer of known length, and a longer one is made while it
/// is sent. Throws what making the first piece throws.
Task<Response> answer_rows(Services& services, std::vector<std::unique_ptr<RowList>> lists,
                           bool several);

}  // namespace divan::server
