#pragma once

#include <string>
#include <utility>

#include "server/http/request.h"
#include "storage/base/error.h"

namespace divan::server {

/// The body of a request that was made here, not received: a text at hand.
class TextBody final : public RequestBody {
public:
    explicit TextBody(std::string text) : text_(std::move(text)) {}
    Task<bool> read(std::string& out) override {
        out += text_;
        co_return !std::exchange(text_, {}).empty();
    }
    Task<std::string> read_all(std::uint64_t bytes_max) override {
        if (text_.size() > bytes_max) throw Refused(Code::request_too_large, {});
        co_return std::exchange(text_, {});
    }
    std::optional<std::uint64_t> length() const override { return text_.size(); }
    bool absent() const override { return text_.empty(); }
    void keep_encoding() override {}

private:
    std::string text_;
};

}  // namespace divan::server
