#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace divan {

/// Unpacks gzip in bounded steps: attachments, and bodies of requests and answers. Several gzips in
/// a row are one (RFC 1952).
class Inflater {
public:
    /// What comes after a gzip and begins none. Files may be padded; of a body Erlang's zlib, and
    /// so CouchDB, takes it for damage.
    enum class Rest { refused, passed_over };

    explicit Inflater(Rest rest = Rest::refused);
    ~Inflater();

    /// Unpacks from the front of `in`, appending about `step_bytes` to `out` at the most, and
    /// removes what it used. False where it is no gzip, or followed by what is refused.
    bool step(std::string_view& in, std::string& out, std::size_t step_bytes);
    /// The end of the gzip, checksum included, was seen.
    bool finished() const;
    /// The last step stopped for its size: another one gives more, even without input.
    bool holds_more() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace divan
