#include "server/handlers/documents/part_reader.h"

namespace divan::server {
namespace {

std::string boundary_of(const Request& request) {
    const auto* content_type = request.header("content-type");
    auto boundary =
        storage::multipart_boundary(content_type ? std::string_view(*content_type) : "");
    if (!boundary) throw Refused(Code::multipart_error, "The content type has no boundary.");
    return std::move(*boundary);
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    for (auto& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

}  // namespace

std::uint64_t request_bytes_max(const Config& config) {
    constexpr std::int64_t otherwise = 4'294'967'296;
    const auto bytes = config.get_integer("chttpd", "max_http_request_size", otherwise);
    return static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
}

PartReader::PartReader(const Request& request, std::uint64_t bytes_max)
    : body_(*request.body), parser_(boundary_of(request)), bytes_left_(bytes_max) {
    // The content encoding of such a request is that of its parts.
    body_.keep_encoding();
    if (body_.length().value_or(0) > bytes_max) throw Refused(Code::request_too_large, {});
}

Task<bool> PartReader::fetch() {
    piece_.clear();
    const bool more = co_await body_.read(piece_);
    if (!more) co_return false;
    if (piece_.size() > bytes_left_) throw Refused(Code::request_too_large, {});
    bytes_left_ -= piece_.size();
    co_return true;
}

Task<PartReader::Event> PartReader::next() {
    while (true) {
        const auto event = parser_.next().value();
        if (event != Event::need_more) co_return event;
        const bool more = co_await fetch();
        if (!more) throw Refused(Code::multipart_error, "The multipart body breaks off.");
        parser_.feed(piece_);
    }
}

Task<void> PartReader::begin_part() {
    const auto event = co_await next();
    if (event != Event::part_begin) {
        throw Refused(Code::multipart_error, "The multipart body has no part.");
    }
}

Task<std::string> PartReader::read_part(std::uint64_t part_bytes_max) {
    std::string part;
    while (true) {
        const auto event = co_await next();
        if (event != Event::part_data) co_return std::move(part);
        part += data();
        if (part.size() > part_bytes_max) throw Refused(Code::request_too_large, {});
    }
}

Task<void> PartReader::finish() {
    bool more = true;
    while (more) more = co_await fetch();
}

void PartReader::require_json() const {
    const auto* header_value = header("content-type");
    const std::string_view whole = header_value ? *header_value : std::string_view();
    auto type = whole.substr(0, whole.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    if (lower_case(type) == "application/json") return;
    throw Refused(Code::bad_content_type, "Content-Type must be application/json");
}

const std::string* PartReader::header(std::string_view name) const {
    for (const auto& one : parser_.headers()) {
        if (one.name == name) return &one.value;
    }
    return nullptr;
}

}  // namespace divan::server
