#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/config/config.h"
#include "server/http/request.h"
#include "storage/document/multipart.h"

namespace divan::server {

/// `[chttpd] max_http_request_size`.
std::uint64_t request_bytes_max(const Config& config);

/// The parts of a multipart request, as they arrive. Lives as long as its request.
class PartReader {
public:
    using Event = storage::MultipartParser::Event;

    /// Throws `Refused` where the content type has no boundary. Of the whole body at most
    /// `bytes_max` bytes are taken.
    PartReader(const Request& request, std::uint64_t bytes_max);

    /// Never `need_more`. Throws `Refused` where the body breaks off, or is no multipart one.
    Task<Event> next();
    /// The next event must be the begin of a part.
    Task<void> begin_part();
    /// The whole of a part that has begun. Refuses with `request_too_large` what is larger.
    Task<std::string> read_part(std::uint64_t part_bytes_max);
    /// Takes what follows the last part off the connection.
    Task<void> finish();

    /// A header of the part that has begun; null where it was not sent.
    const std::string* header(std::string_view name) const;
    BytesView data() const { return parser_.data(); }
    /// Throws `Refused` where the part that has begun is not application/json.
    void require_json() const;

private:
    Task<bool> fetch();

    RequestBody& body_;
    storage::MultipartParser parser_;
    std::uint64_t bytes_left_;
    std::string piece_;
};

}  // namespace divan::server
