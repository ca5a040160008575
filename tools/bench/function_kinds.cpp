#include "tools/bench/function_kinds.h"

#include <fmt/format.h>

#include "tools/bench/slice.h"

namespace divan::bench {
namespace {

constexpr std::size_t row_bytes_min = 40;

class FilteredChanges : public Slice {
public:
    /// `body` must outlive it; none is a GET.
    FilteredChanges(Site& site, Limits limits, Samples& samples, std::string_view filter,
                    std::string_view body)
        : Slice(site, limits, samples, 200), body_(body) {
        const auto path = fmt::format("/{}/_changes?filter={}", site.corpus(), filter);
        head_ = body.empty() ? site.target().head("GET", path, {}, 0)
                             : site.target().head("POST", path, "application/json", body.size());
    }

private:
    void fill(std::size_t, Exchange& exchange) override {
        exchange.head = head_;
        exchange.body = body_;
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, site_.sizes().documents / 3 * row_bytes_min);
        return static_cast<double>(site_.sizes().documents);
    }

    const std::string_view body_;
    std::string head_;
};

}  // namespace

std::unique_ptr<Work> make_function_changes(Site& site, Limits limits, std::size_t,
                                            Samples& samples) {
    return std::make_unique<FilteredChanges>(site, limits, samples, site.filter(), "");
}

std::unique_ptr<Work> make_selector_changes(Site& site, Limits limits, std::size_t,
                                            Samples& samples) {
    return std::make_unique<FilteredChanges>(site, limits, samples, "_selector",
                                             R"({"selector":{"number":{"$lt":500000}}})");
}

}  // namespace divan::bench
