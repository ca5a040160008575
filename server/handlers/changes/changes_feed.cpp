#include "server/handlers/changes/changes_feed.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace divan::server {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t changes_timeout_ms = 60'000;
/// Beyond it a wait is cut in two; what clocks add to must not overflow.
constexpr std::uint64_t wait_ms_max = 24ULL * 60 * 60 * 1000;

/// Erlang's list_to_integer/1. Numbers beyond 64 bits stop there.
std::optional<std::int64_t> integer(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::int64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc()) value = std::numeric_limits<std::int64_t>::max();
    return negative ? -value : value;
}

/// Rings `signal` with the bell and when the connection ends, as long as it lives.
class FeedWatch {
public:
    FeedWatch(FeedBell bell, Connection* connection)
        : bell_(std::move(bell)),
          connection_(connection),
          subscription_(bell_.bell.subscribe(signal_.ringer())) {
        if (connection_ != nullptr) connection_->on_end(signal_.ringer());
    }
    ~FeedWatch() {
        bell_.bell.unsubscribe(subscription_);
        if (connection_ != nullptr) connection_->on_end({});
    }
    FeedWatch(const FeedWatch&) = delete;
    FeedWatch& operator=(const FeedWatch&) = delete;

    Signal::Wait wait(milliseconds limit) { return signal_.wait(limit); }

private:
    Signal signal_;
    FeedBell bell_;
    Connection* connection_;
    std::uint64_t subscription_;
};

class FeedSource final : public ChunkSource {
public:
    FeedSource(Services& services, Connection* connection, FeedKind kind,
               std::unique_ptr<FeedRows> rows, FeedPatience patience,
               std::optional<FeedBell> bell)
        : services_(services),
          connection_(connection),
          frame_(kind),
          rows_(std::move(rows)),
          patience_(patience) {
        // Watched from the start: what happens while the first rows are read is not missed.
        if (kind != FeedKind::normal && bell) watch_.emplace(std::move(*bell), connection);
        frame_.open(pending_);
        spoke();
    }

    bool ended() const { return stage_ == Stage::ended; }

    /// Makes the first piece; `next` sends it.
    Task<void> prepare() {
        co_await fill(pending_);
        // A client must see the answer begin, also of a feed that has nothing to tell yet.
        if (stage_ == Stage::waiting && frame_.rows() == 0) pending_.push_back('\n');
    }
    std::string take_prepared() { return std::exchange(pending_, {}); }

    Task<bool> next(std::string& out) override {
        out.clear();
        if (!pending_.empty()) {
            out.swap(pending_);
            std::string().swap(pending_);
        }
        while (out.empty()) {
            if (stage_ == Stage::ended || hung_up()) co_return false;
            if (stage_ == Stage::reading) {
                co_await fill(out);
            } else {
                co_await wait(out);
            }
        }
        spoke();
        co_return true;
    }

private:
    enum class Stage : std::uint8_t { reading, waiting, ended };
    using Clock = EventLoop::Clock;

    bool hung_up() const { return connection_ != nullptr && connection_->gone(); }
    bool must_end() const { return rows_->gone() || services_.stopping(); }
    void spoke() { spoke_at_ = Clock::now(); }

    milliseconds patience_left() const {
        const auto silent = std::chrono::duration_cast<milliseconds>(Clock::now() - spoke_at_);
        return std::max(milliseconds(0), patience_.limit - silent);
    }

    Task<void> fill(std::string& out) {
        auto& pool = rows_->scripted() ? *services_.script_pool : services_.pool;
        const auto filled =
            co_await run_on(pool, [this, &out] { return rows_->fill(out, frame_); });
        if (filled == FeedRows::Filled::more) {
            // A filter may look at much and pass nothing.
            if (out.empty() && must_end()) end(out);
            if (out.empty() && patience_.heartbeat && patience_left() == milliseconds(0)) {
                frame_.heartbeat(out);
            }
            co_return;
        }
        const bool told = frame_.kind() == FeedKind::normal ||
                          (frame_.kind() == FeedKind::longpoll && frame_.rows() > 0);
        if (filled == FeedRows::Filled::complete || told || !watch_) {
            end(out);
        } else {
            stage_ = Stage::waiting;
        }
    }

    Task<void> wait(std::string& out) {
        if (must_end()) {
            end(out);
            co_return;
        }
        std::string().swap(out);  // thousands wait at a time
        const bool rung = co_await watch_->wait(patience_left());
        if (hung_up()) co_return;
        if (must_end()) {
            end(out);
        } else if (rung) {
            stage_ = Stage::reading;
        } else if (patience_.heartbeat) {
            frame_.heartbeat(out);
        } else {
            end(out);
        }
    }

    void end(std::string& out) {
        rows_->close(out, frame_);
        stage_ = Stage::ended;
    }

    Services& services_;
    Connection* connection_;
    FeedFrame frame_;
    std::unique_ptr<FeedRows> rows_;
    const FeedPatience patience_;
    std::optional<FeedWatch> watch_;
    std::string pending_;
    Clock::time_point spoke_at_;
    Stage stage_ = Stage::reading;
};

}  // namespace

std::optional<FeedKind> parse_feed_kind(std::string_view text) {
    if (text == "normal") return FeedKind::normal;
    if (text == "longpoll") return FeedKind::longpoll;
    if (text == "continuous" || text == "live") return FeedKind::continuous;
    if (text == "eventsource") return FeedKind::eventsource;
    return std::nullopt;
}

void FeedFrame::open(std::string& out) const {
    if (kind_ < FeedKind::continuous) out += "{\"results\":[\n";
}

void FeedFrame::heartbeat(std::string& out) const {
    out += kind_ == FeedKind::eventsource ? "event: heartbeat\ndata: \n\n" : "\n";
}

void FeedFrame::close(std::string& out, std::string_view last_sequence,
                      std::optional<std::uint64_t> pending) const {
    if (kind_ == FeedKind::eventsource) return;
    out += kind_ == FeedKind::continuous ? "{\"last_seq\":" : "\n],\n\"last_seq\":";
    out += last_sequence;
    if (pending) out += fmt::format(",\"pending\":{}", *pending);
    out += "}\n";
}

bool FeedTimes::take(std::string_view name, const std::string& value) {
    if (name == "heartbeat" && value == "true") {
        default_heartbeat_ = true;
        heartbeat_ms_.reset();
        return true;
    }
    if (name != "heartbeat" && name != "timeout") return false;
    const auto given = integer(value);
    if (name == "heartbeat") {
        if (!given) {
            throw Refused(Code::bad_request, "Invalid heartbeat value. Expecting a positive "
                                             "integer value (in milliseconds).");
        }
        if (*given <= 0) {
            throw Refused(Code::bad_request, "The heartbeat value should be a positive integer "
                                             "(in milliseconds).");
        }
        default_heartbeat_ = false;
        heartbeat_ms_ = static_cast<std::uint64_t>(*given);
        return true;
    }
    if (!given) {
        throw Refused(Code::bad_request,
                      "The timeout parameter should be a non-negative integer");
    }
    // CouchDB ends feeds that wait there and then; one that does not wait takes no notice.
    timeout_ms_ = static_cast<std::uint64_t>(std::max<std::int64_t>(0, *given));
    return true;
}

FeedPatience FeedTimes::patience(const Config& config) const {
    const auto setting = config.get_integer("chttpd", "changes_timeout", changes_timeout_ms);
    auto limit = std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(0, setting)),
                          wait_ms_max);
    const bool heartbeat = default_heartbeat_ || heartbeat_ms_;
    if (heartbeat_ms_) limit = std::min(limit, *heartbeat_ms_);
    if (!heartbeat && timeout_ms_) limit = std::min(limit, *timeout_ms_);
    return {milliseconds(limit), heartbeat};
}

Task<Response> answer_feed(Services& services, Connection* connection, FeedKind kind,
                           std::unique_ptr<FeedRows> rows, FeedPatience patience,
                           std::optional<FeedBell> bell) {
    auto source = std::make_unique<FeedSource>(services, connection, kind, std::move(rows),
                                               patience, std::move(bell));
    co_await source->prepare();
    auto response = json_response(200, {});
    if (kind == FeedKind::eventsource) {
        response.set("Content-Type", "text/event-stream");
        response.set("Cache-Control", "no-cache");
    }
    if (source->ended()) {
        response.body = source->take_prepared();
        co_return response;
    }
    response.source = std::move(source);
    co_return response;
}

}  // namespace divan::server
