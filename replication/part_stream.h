#pragma once

#include <string>
#include <string_view>

#include "replication/http/connection.h"
#include "storage/document/multipart.h"

namespace divan::replication {

/// Pulls a multipart body out of `source`, which outlives it. Throws `PeerFailure` (`malformed`)
/// where the form is broken or the body ends too early.
class PartStream {
public:
    using Event = storage::MultipartParser::Event;

    PartStream(BodySource& source, std::string_view boundary)
        : source_(source), parser_(boundary) {}

    /// Never `need_more`.
    Task<Event> next();
    /// The part's header; empty where it has none. `name` in lower case.
    std::string_view header(std::string_view name) const;
    std::string_view data() const { return parser_.data(); }

private:
    BodySource& source_;
    storage::MultipartParser parser_;
    std::string buffer_;
};

/// The body of the part that a stream has come to.
class PartBody : public BodySource {
public:
    explicit PartBody(PartStream& stream) : stream_(stream) {}

    Task<bool> read(std::string& out) override;
    /// Reads what nobody wanted.
    Task<void> skip();
    /// All of it. Throws `malformed` where it is longer.
    Task<std::string> all(std::size_t bytes_max);

private:
    PartStream& stream_;
    bool done_ = false;
};

}  // namespace divan::replication
