#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/query/js/functions.h"
#include "storage/query/json_text.h"

namespace divan::storage {

/// JavaScript as far as tests of views need it. A map function's source is the name of a member: it
/// emits the items of that array, or the value, with the document's member `v`. A reduce function
/// counts what it is given: rows as such, or "again" with the number of reductions.
class FakeFunctions final : public js::Functions {
public:
    Result<js::Mapped> map(std::span<const std::string> functions,
                           std::span<const BytesView> documents) override {
        auto bytes = std::make_unique<Bytes>();
        bytes->reserve(1 << 20);
        std::vector<js::Row> rows;
        std::vector<std::uint32_t> ends;
        const auto keep = [&](BytesView text) {
            const auto at = bytes->size();
            bytes->append(text);
            return BytesView(*bytes).substr(at);
        };
        for (const auto document : documents) {
            for (const auto& function : functions) {
                const JsonText json(document);
                const auto value = json.member("v");
                const auto emit = [&](const JsonText& key) {
                    rows.push_back({keep(key.raw()), keep(value ? value->raw() : "null")});
                };
                if (const auto key = json.member(function)) {
                    if (key->kind() == JsonText::Kind::array) {
                        JsonItems items(*key);
                        while (const auto item = items.next()) emit(*item);
                    } else {
                        emit(*key);
                    }
                }
                ends.push_back(static_cast<std::uint32_t>(rows.size()));
            }
        }
        return js::Mapped(std::move(bytes), functions.size(), std::move(rows), std::move(ends));
    }
    Result<std::vector<Bytes>> reduce(std::span<const std::string> functions,
                                      std::span<const js::ReduceRow> rows) override {
        return std::vector<Bytes>(functions.size(), std::to_string(rows.size()));
    }
    Result<Bytes> rereduce(const std::string&, std::span<const BytesView> values) override {
        std::size_t sum = 0;
        for (const auto value : values) sum += std::stoul(std::string(value));
        return Bytes(std::to_string(sum));
    }

    Result<std::vector<std::optional<Error>>> validate(std::span<const js::Validation>, BytesView,
                                                       BytesView) override {
        return none();
    }
    Result<std::vector<bool>> filter(std::string_view, std::span<const BytesView>,
                                     BytesView) override {
        return none();
    }
    Result<std::vector<bool>> filter_view(std::string_view, std::span<const BytesView>) override {
        return none();
    }
    Result<Bytes> show(std::string_view, BytesView, BytesView) override { return none(); }
    Result<js::Updated> update(std::string_view, BytesView, BytesView) override { return none(); }
    Result<std::optional<Bytes>> rewrite(BytesView) override { return none(); }
    std::unique_ptr<js::List> list(std::string_view, BytesView, BytesView) override {
        return nullptr;
    }

private:
    static Error none() { return {Code::not_implemented, "views alone", {}}; }
};

class FakeRuntime final : public js::Runtime {
public:
    std::shared_ptr<js::Functions> functions(js::Design) override {
        ++made;
        return std::make_shared<FakeFunctions>();
    }
    Result<void> check_views(std::string_view, BytesView) override { return {}; }
    void renew() override {}
    int made = 0;
};

}  // namespace divan::storage
