#include "storage/query/view/reducers.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "storage/base/json.h"
#include "storage/base/log.h"
#include "storage/query/erlang_text.h"
#include "storage/query/index/collation_key.h"
#include "storage/query/view/distinct_count.h"
#include "storage/query/view/exact_number.h"
#include "storage/query/view/sum_value.h"

namespace divan::storage {
namespace {

[[noreturn]] void refuse_value(std::string reason) {
    throw Refused(Error{Code::internal_error, std::move(reason), "invalid_value"});
}

// --------------------------------------------------------------------------------------- _sum

/// A sum may not grow with what goes into it: couch_query_servers:check_sum_overflow/4.
class SumReducer final : public ViewReducer {
public:
    explicit SumReducer(ReadSetting settings) : settings_(std::move(settings)) {}

    Bytes reduce(std::span<const IndexRow> rows) const override {
        Sum sum;
        std::size_t bytes = 0;
        for (const auto& row : rows) {
            sum.add(row.value);
            bytes += row.entry.size() + row.value.size();
        }
        return limited(sum.result(), bytes);
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        Sum sum;
        std::size_t bytes = 0;
        for (const auto reduction : reductions) {
            sum.add(reduction);
            bytes += reduction.size();
        }
        return limited(sum.result(), bytes);
    }
    /// Once more, as CouchDB's coordinator does: an empty array becomes [0].
    Bytes finish(BytesView reduction) const override {
        Sum sum;
        sum.add(reduction);
        return sum.result();
    }
    bool ordered() const override { return false; }

private:
    Bytes limited(Bytes result, std::size_t input_bytes) const {
        constexpr std::size_t never_too_large = 100;
        if (result.size() <= never_too_large) return result;
        const auto threshold = read_integer(settings_, "query_server_config",
                                            "reduce_limit_threshold", 5000, 0, INT32_MAX);
        const auto output = static_cast<double>(result.size());
        if (output <= static_cast<double>(threshold)) return result;
        double ratio = 2.0;
        if (const auto text = settings_("query_server_config", "reduce_limit_ratio")) {
            std::from_chars(text->data(), text->data() + text->size(), ratio);
        }
        if (output * ratio <= static_cast<double>(input_bytes)) return result;
        const auto mode = settings_("query_server_config", "reduce_limit").value_or("true");
        if (mode != "true" && mode != "log") return result;
        const auto reason =
            fmt::format("Reduce output must shrink more rapidly: input size: {} output size: {}",
                        input_bytes, result.size());
        log(LogLevel::error, reason);
        return mode == "log" ? result : Sum::error(reason, {});
    }

    const ReadSetting settings_;
};

// ------------------------------------------------------------------------------------- _count

class CountReducer final : public ViewReducer {
public:
    Bytes reduce(std::span<const IndexRow> rows) const override {
        return std::to_string(rows.size());
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        ExactNumber sum;
        for (const auto reduction : reductions) sum = sum + ExactNumber::parse(reduction);
        return sum.text();
    }
};

// ------------------------------------------------------------------------------------- _stats

/// As `~p` breaks a list where the line is full already: couch_query_servers:throw_stat_error/1.
[[noreturn]] void refuse_stats(std::span<const std::string> items, char open, char close) {
    std::string quoted(1, open);
    for (const auto& item : items) {
        if (quoted.size() > 1) quoted += ",\n" + std::string(84, ' ');
        quoted += item;
    }
    refuse_value("The _stats function requires that map values be numbers or arrays of numbers, "
                 "not '" +
                 quoted + close + "'");
}

[[noreturn]] void refuse_stats(const JsonText& value) {
    const auto parsed = parse_json(value.raw()).value();
    if (!parsed.is_array()) {
        refuse_value("The _stats function requires that map values be numbers or arrays of "
                     "numbers, not '" +
                     erlang_p(parsed) + "'");
    }
    std::vector<std::string> items;
    for (const auto& item : parsed.items()) items.push_back(erlang_p(item));
    refuse_stats(items, '[', ']');
}

/// Of numbers, of objects that hold the five already, or of arrays of these, place by place.
class Stats {
public:
    /// `first` where it is what others are added to: its refusals have other words.
    explicit Stats(const JsonText& value, bool first = true) {
        switch (value.kind()) {
            case JsonText::Kind::number: {
                const auto number = ExactNumber::parse(value.number());
                set(number, ExactNumber(1), number, number, number * number);
                return;
            }
            case JsonText::Kind::array: {
                list_ = true;
                JsonItems items(value);
                while (const auto item = items.next()) items_.emplace_back(*item, first);
                return;
            }
            case JsonText::Kind::object:
                sum_ = member(value, "sum");
                count_ = member(value, "count");
                min_ = member(value, "min");
                max_ = member(value, "max");
                squares_ = member(value, "sumsqr");
                return;
            default:
                if (!first) refuse_stats(value);
                refuse_value("non-numeric _stats input: " +
                             erlang_w(parse_json(value.raw()).value()));
        }
    }

    void add(const JsonText& value) {
        const Stats other(value, false);
        if (!list_ && other.list_) refuse_stats(value);
        if (list_ && !other.list_) {
            const std::string items[] = {other.sum_.text(), other.count_.text(), other.min_.text(),
                                         other.max_.text(), other.squares_.text()};
            refuse_stats(items, '{', '}');
        }
        add(other);
    }
    void add(const Stats& other) {
        if (list_ != other.list_ || items_.size() != other.items_.size()) {
            refuse_value("_stats values must all be numbers, or arrays of one length");
        }
        for (std::size_t i = 0; i < items_.size(); ++i) items_[i].add(other.items_[i]);
        if (list_) return;
        sum_ = sum_ + other.sum_;
        count_ = count_ + other.count_;
        if (other.min_ < min_) min_ = other.min_;
        if (max_ < other.max_) max_ = other.max_;
        squares_ = squares_ + other.squares_;
    }

    void append_to(std::string& out) const {
        if (list_) {
            out.push_back('[');
            for (std::size_t i = 0; i < items_.size(); ++i) {
                if (i > 0) out.push_back(',');
                items_[i].append_to(out);
            }
            out.push_back(']');
            return;
        }
        out += "{\"sum\":" + sum_.text() + ",\"count\":" + count_.text() +
               ",\"min\":" + min_.text() + ",\"max\":" + max_.text() +
               ",\"sumsqr\":" + squares_.text() + "}";
    }

private:
    void set(ExactNumber sum, ExactNumber count, ExactNumber min, ExactNumber max,
             ExactNumber squares) {
        sum_ = std::move(sum);
        count_ = std::move(count);
        min_ = std::move(min);
        max_ = std::move(max);
        squares_ = std::move(squares);
    }
    static ExactNumber member(const JsonText& object, std::string_view name) {
        const auto found = object.member(name);
        if (!found) {
            const auto whole = erlang_p(parse_json(object.raw()).value());
            refuse_value(fmt::format("user _stats input missing required field {} ({})", name,
                                     std::string_view(whole).substr(1, whole.size() - 2)));
        }
        if (found->kind() != JsonText::Kind::number) {
            refuse_value(fmt::format("non-numeric _stats input received for {}: {}", name,
                                     erlang_w(parse_json(found->raw()).value())));
        }
        return ExactNumber::parse(found->number());
    }

    bool list_ = false;
    ExactNumber sum_, count_, min_, max_, squares_;
    std::vector<Stats> items_;
};

class StatsReducer final : public ViewReducer {
public:
    Bytes reduce(std::span<const IndexRow> rows) const override {
        Stats stats{JsonText(rows.front().value)};
        for (const auto& row : rows.subspan(1)) stats.add(JsonText(row.value));
        return text(stats);
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        Stats stats{JsonText(reductions.front())};
        for (const auto& part : reductions.subspan(1)) stats.add(Stats(JsonText(part)));
        return text(stats);
    }
    bool ordered() const override { return false; }

private:
    static Bytes text(const Stats& stats) {
        Bytes out;
        stats.append_to(out);
        return out;
    }
};

// --------------------------------------------------------------------- _approx_count_distinct

class DistinctReducer final : public ViewReducer {
public:
    Bytes reduce(std::span<const IndexRow> rows) const override {
        DistinctCount count;
        BytesView last;
        for (const auto& row : rows) {
            if (row.key != last) count.add(row.key);
            last = row.key;
        }
        return count.encode();
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        DistinctCount count;
        for (const auto reduction : reductions) count.add(DistinctCount::decode(reduction));
        return count.encode();
    }
    Bytes finish(BytesView reduction) const override {
        return std::to_string(DistinctCount::decode(reduction).estimate());
    }
};

// ----------------------------------------------------------------------------- _first, _last

class EndReducer final : public ViewReducer {
public:
    explicit EndReducer(bool first) : first_(first) {}
    Bytes reduce(std::span<const IndexRow> rows) const override {
        return Bytes(first_ ? rows.front().value : rows.back().value);
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        return Bytes(first_ ? reductions.front() : reductions.back());
    }

private:
    const bool first_;
};

// ----------------------------------------------------------------------------- _top, _bottom

/// The largest or smallest values, each once: of equal ones the first.
class RankReducer final : public ViewReducer {
public:
    RankReducer(std::size_t count, bool top) : count_(count), top_(top) {}

    Bytes reduce(std::span<const IndexRow> rows) const override {
        std::vector<Ranked> values;
        for (const auto& row : rows) add(values, JsonText(row.value));
        return best(std::move(values));
    }
    Bytes rereduce(std::span<const BytesView> reductions) const override {
        std::vector<Ranked> values;
        for (const auto reduction : reductions) {
            JsonItems items{JsonText(reduction)};
            while (const auto item = items.next()) add(values, *item);
        }
        return best(std::move(values));
    }

private:
    struct Ranked {
        Bytes key;
        BytesView text;
    };
    static void add(std::vector<Ranked>& values, const JsonText& value) {
        values.push_back({collation_key(value, Collation::unicode), value.raw()});
    }
    Bytes best(std::vector<Ranked> values) const {
        std::stable_sort(values.begin(), values.end(), [this](const auto& a, const auto& b) {
            return top_ ? b.key < a.key : a.key < b.key;
        });
        values.erase(std::unique(values.begin(), values.end(),
                                 [](const auto& a, const auto& b) { return a.key == b.key; }),
                     values.end());
        Bytes out = "[";
        for (std::size_t i = 0; i < std::min(count_, values.size()); ++i) {
            if (i > 0) out.push_back(',');
            out += values[i].text;
        }
        return out + "]";
    }

    const std::size_t count_;
    const bool top_;
};

std::shared_ptr<const ViewReducer> make_rank_reducer(std::string_view count, bool top) {
    std::size_t value = 0;
    const auto read = std::from_chars(count.data(), count.data() + count.size(), value);
    if (read.ec != std::errc() || read.ptr != count.data() + count.size() || value == 0) {
        return nullptr;
    }
    return std::make_shared<RankReducer>(value, top);
}

}  // namespace

bool is_builtin_reduce(std::string_view source) {
    return source.starts_with('_');
}

std::shared_ptr<const ViewReducer> make_builtin_reducer(std::string_view source,
                                                        const ReadSetting& settings) {
    constexpr std::string_view top = "_top_";
    constexpr std::string_view bottom = "_bottom_";
    if (source.starts_with("_sum")) return std::make_shared<SumReducer>(settings);
    if (source.starts_with("_count")) return std::make_shared<CountReducer>();
    if (source.starts_with("_stats")) return std::make_shared<StatsReducer>();
    if (source.starts_with("_approx_count_distinct")) return std::make_shared<DistinctReducer>();
    if (source.starts_with(top)) return make_rank_reducer(source.substr(top.size()), true);
    if (source.starts_with(bottom)) return make_rank_reducer(source.substr(bottom.size()), false);
    if (source.starts_with("_first")) return std::make_shared<EndReducer>(true);
    if (source.starts_with("_last")) return std::make_shared<EndReducer>(false);
    return nullptr;
}

}  // namespace divan::storage
