#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/config/config.h"
#include "server/http/request.h"
#include "server/http/response.h"
#include "storage/base/async/signal.h"
#include "server/services.h"
#include "storage/database/change_bell.h"

/// What `_changes` and `_db_updates` have in common: how rows are framed, and how a feed waits.
namespace divan::server {

enum class FeedKind : std::uint8_t { normal, longpoll, continuous, eventsource };

/// "normal", "continuous" and its alias "live", "longpoll", "eventsource"; empty of anything else.
std::optional<FeedKind> parse_feed_kind(std::string_view text);

/// The bytes around the rows of a feed, as CouchDB lays them out.
class FeedFrame {
public:
    explicit FeedFrame(FeedKind kind) : kind_(kind) {}

    FeedKind kind() const { return kind_; }
    std::uint64_t rows() const { return rows_; }
    void open(std::string& out) const;
    void begin_row(std::string& out) {
        if (kind_ == FeedKind::eventsource) out += "data: ";
        if (rows_++ > 0 && kind_ < FeedKind::continuous) out += ",\r\n";
    }
    /// `sequence` is JSON: that of the row.
    void end_row(std::string& out, std::string_view sequence) const {
        if (kind_ == FeedKind::continuous) out.push_back('\n');
        if (kind_ == FeedKind::eventsource) out.append("\nid: ").append(sequence).append("\n\n");
    }
    void heartbeat(std::string& out) const;
    /// `last_sequence` is JSON. Without `pending` there is no such member.
    void close(std::string& out, std::string_view last_sequence,
               std::optional<std::uint64_t> pending) const;

private:
    FeedKind kind_;
    std::uint64_t rows_ = 0;
};

/// How long a feed is silent before it ends, or says that it lives.
struct FeedPatience {
    std::chrono::milliseconds limit;
    bool heartbeat = false;
};
/// couch_changes:get_changes_timeout/2, with `[chttpd] changes_timeout`.
class FeedTimes {
public:
    /// "heartbeat" (also "true") and "timeout", in milliseconds. False for another name. Throws
    /// `Refused` with CouchDB's sentences.
    bool take(std::string_view name, const std::string& value);
    FeedPatience patience(const Config& config) const;

private:
    bool default_heartbeat_ = false;
    std::optional<std::uint64_t> heartbeat_ms_;
    std::optional<std::uint64_t> timeout_ms_;
};

/// What a feed tells. Called on the pool, one call at a time, except where it says otherwise.
class FeedRows {
public:
    enum class Filled : std::uint8_t {
        more,      ///< Ask again.
        drained,   ///< That is all for now.
        complete,  ///< That is all.
    };

    virtual ~FeedRows() = default;
    /// Appends rows, about a piece of them. After `drained` it must hold no snapshot and little
    /// memory.
    virtual Filled fill(std::string& out, FeedFrame& frame) = 0;
    /// Appends the end. Any thread.
    virtual void close(std::string& out, const FeedFrame& frame) = 0;
    /// Whether filling it calls JavaScript.
    virtual bool scripted() const { return false; }
    /// Whether what the feed tells of is gone: it then ends. Any thread.
    virtual bool gone() const = 0;
};

/// What rings when a feed has news, and what must stay alive as long as it may ring.
struct FeedBell {
    storage::ChangeBell& bell;
    std::shared_ptr<const void> owner;
};

/// Answers with a feed, made while it is sent. It waits without a thread, and ends when its
/// patience does, when what it tells of is gone, when the server stops, and when the client hangs
/// up. A normal feed waits for nothing and needs no bell; one that fits a piece has a known length.
Task<Response> answer_feed(Services& services, Connection* connection, FeedKind kind,
                           std::unique_ptr<FeedRows> rows, FeedPatience patience,
                           std::optional<FeedBell> bell);

}  // namespace divan::server
