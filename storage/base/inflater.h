#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace divan {

/// Unpacks gzip in bounded steps: attachments, and bodies of requests and answers. Several gzips in
/// a row are one (RFC 1952). Or one zlib stream (RFC 1950).
class Inflater {
public:
    /// What comes after the end and begins no further gzip. Files may be padded; of a body Erlang's
    /// zlib, and so CouchDB, takes it for damage.
    enum class Rest { refused, passed_over };
    enum class Format { gzip, zlib };

    explicit Inflater(Rest rest = Rest::refused, Format format = Format::gzip);
    ~Inflater();

    /// Unpacks from the front of `in`, appending about `step_bytes` to `out` at the most, and
    /// removes what it used. False where it is not packed so, or followed by what is refused.
    bool step(std::string_view& in, std::string& out, std::size_t step_bytes);
    /// The end, checksum included, was seen.
    bool finished() const;
    /// The last step stopped for its size: another one gives more, even without input.
    bool holds_more() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace divan
