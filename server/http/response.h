#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request.h"
#include "storage/base/async/task.h"
#include "storage/base/error.h"

namespace divan::server {

/// A body that is made while it is sent: the session asks for the next bytes when the socket has
/// taken the last, so memory stays flat. Destroyed early where the client hangs up.
class ChunkSource {
public:
    virtual ~ChunkSource() = default;
    /// Replaces `out` by the next bytes; false at the end, and then `out` is not sent. May be empty
    /// bytes: nothing is sent, and it is asked again. A throw ends the connection unfinished.
    virtual Task<bool> next(std::string& out) = 0;
};

struct Response {
    int status = 200;
    std::vector<Header> headers;  ///< Besides Server, Date, Content-Length, Transfer-Encoding.
    std::string body;
    std::unique_ptr<ChunkSource> source;   ///< Instead of `body`.
    std::optional<std::uint64_t> length;   ///< Of `source`, where known; else it goes chunked. With
                                           ///< HEAD it is what the GET would have sent.
    bool close = false;                    ///< Close the connection afterwards.
    bool untraced = false;                 ///< Without X-Couch-Request-ID, X-CouchDB-Body-Time.
    std::unique_ptr<Error> refused;        ///< Of `refusal`s: dispatch adds to it.

    void set(std::string_view name, std::string value);  ///< Replaces.
    void add(std::string_view name, std::string value);
    const std::string* header(std::string_view name) const;  ///< Case does not matter.
};

/// Content-Type: application/json, Cache-Control: must-revalidate. `body` is sent as it is; CouchDB
/// ends most JSON answers with a line feed: give it.
Response json_response(int status, std::string body);
/// `{"ok":true}`.
Response ok_response(int status = 200);
/// The reply to a refusal: status, error name and reason from the one table.
Response refusal(const Error& error);
Response refusal(Code code, std::string reason = {});

/// A row of the table, for answers that carry errors inside (`_bulk_docs`, `_bulk_get`).
struct ErrorText {
    int status;
    std::string_view name;
    std::string_view reason;  ///< The table's, or the error's own.
    bool reason_is_json;

    void append_reason(std::string& out) const;  ///< As a JSON value.
};
/// Views into `error` and the table.
ErrorText describe(const Error& error);

}  // namespace divan::server
