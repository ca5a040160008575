#include "tools/bench/view_kinds.h"

#include <fmt/format.h>

#include <utility>

#include "tools/bench/documents.h"
#include "tools/bench/slice.h"

namespace divan::bench {
namespace {

constexpr std::uint64_t range_rows = 100;
constexpr std::size_t row_bytes_min = 30;
constexpr std::size_t group_bytes_min = 15;

class ViewBuilds : public Slice {
public:
    ViewBuilds(Site& site, Limits limits, Samples& samples) : Slice(site, limits, samples, 200) {
        site.corpus();
    }

private:
    void fill(std::size_t, Exchange& exchange) override {
        const auto path = site_.make_view(site_.next_number());
        exchange.head = site_.target().head("GET", path + "?reduce=false&limit=1", {}, 0);
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, row_bytes_min);
        return static_cast<double>(site_.sizes().documents);
    }
};

class ViewRanges : public Slice {
public:
    ViewRanges(Site& site, Limits limits, Samples& samples)
        : Slice(site, limits, samples, 200), path_(site.view()), numbers_(13) {}

private:
    void fill(std::size_t, Exchange& exchange) override {
        const auto start = numbers_.below(site_.sizes().documents - range_rows + 1);
        exchange.head =
            site_.target().head("GET",
                                fmt::format("{}?reduce=false&limit={}&startkey=%22{}%22", path_,
                                            range_rows, make_id(start)),
                                {}, 0);
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, range_rows * row_bytes_min);
        return 1;
    }

    const std::string path_;
    Numbers numbers_;
};

class ViewReduces : public Slice {
public:
    ViewReduces(Site& site, Limits limits, Samples& samples)
        : Slice(site, limits, samples, 200), path_(site.view()), numbers_(17) {}

private:
    void fill(std::size_t, Exchange& exchange) override {
        auto from = numbers_.below(site_.sizes().documents);
        auto to = numbers_.below(site_.sizes().documents);
        if (to < from) std::swap(from, to);
        exchange.head = site_.target().head(
            "GET",
            fmt::format("{}?startkey=%22{}%22&endkey=%22{}%22", path_, make_id(from), make_id(to)),
            {}, 0);
    }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, row_bytes_min);
        return 1;
    }

    const std::string path_;
    Numbers numbers_;
};

class ViewGroups : public Slice {
public:
    ViewGroups(Site& site, Limits limits, Samples& samples)
        : Slice(site, limits, samples, 200),
          head_(site.target().head("GET", site.view() + "?group_level=1&startkey=%5B%5D", {}, 0)) {}

private:
    void fill(std::size_t, Exchange& exchange) override { exchange.head = head_; }
    double items(const ReplyParser& reply) override {
        check_bytes(reply, Site::view_groups * group_bytes_min);
        return 1;
    }

    const std::string head_;
};

}  // namespace

std::unique_ptr<Work> make_view_builds(Site& site, Limits limits, std::size_t, Samples& samples) {
    return std::make_unique<ViewBuilds>(site, limits, samples);
}

std::unique_ptr<Work> make_view_ranges(Site& site, Limits limits, std::size_t, Samples& samples) {
    return std::make_unique<ViewRanges>(site, limits, samples);
}

std::unique_ptr<Work> make_view_reduces(Site& site, Limits limits, std::size_t, Samples& samples) {
    return std::make_unique<ViewReduces>(site, limits, samples);
}

std::unique_ptr<Work> make_view_groups(Site& site, Limits limits, std::size_t, Samples& samples) {
    return std::make_unique<ViewGroups>(site, limits, samples);
}

}  // namespace divan::bench
