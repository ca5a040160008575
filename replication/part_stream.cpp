#include "replication/part_stream.h"

#include "replication/http/failures.h"

namespace divan::replication {

Task<PartStream::Event> PartStream::next() {
    while (true) {
        const auto event = parser_.next();
        if (!event) throw malformed("the multipart answer is broken");
        if (*event != Event::need_more) co_return *event;
        buffer_.clear();
        const bool more = co_await source_.read(buffer_);
        if (!more && buffer_.empty()) throw malformed("the multipart answer ends too early");
        parser_.feed(buffer_);
    }
}

std::string_view PartStream::header(std::string_view name) const {
    for (const auto& header : parser_.headers()) {
        if (header.name == name) return header.value;
    }
    return {};
}

Task<bool> PartBody::read(std::string& out) {
    if (done_) co_return false;
    const auto event = co_await stream_.next();
    if (event == PartStream::Event::part_data) {
        out.append(stream_.data());
        co_return true;
    }
    if (event != PartStream::Event::part_end) throw malformed("a part of the answer is broken");
    done_ = true;
    co_return false;
}

Task<void> PartBody::skip() {
    std::string rest;
    bool more = true;
    while (more) {
        rest.clear();
        more = co_await read(rest);
    }
}

Task<std::string> PartBody::all(std::size_t bytes_max) {
    std::string bytes;
    bool more = true;
    while (more) {
        more = co_await read(bytes);
        if (bytes.size() > bytes_max) throw malformed("a document is too large");
    }
    co_return bytes;
}

}  // namespace divan::replication
