#include "server/handlers/changes/db_updates.h"

#include <charconv>
#include <limits>

#include "server/handlers/changes/changes_feed.h"
#include "server/handlers/changes/changes_query.h"
#include "server/handlers/changes/global_changes.h"
#include "server/handlers/etag.h"
#include "storage/base/json.h"
#include "storage/database/changes.h"

// The changes feed of `_global_changes`, whose ids are "event:database", told in other words.

namespace divan::server {
namespace {

constexpr std::size_t piece_bytes = 64U << 10;

// global_changes_httpd:to_non_neg_int/1.
std::uint64_t parse_count(const std::string& text) {
    std::string_view digits(text);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        throw Refused(Code::bad_request, "invalid_integer");
    }
    std::uint64_t count = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), count);
    if (read.ec != std::errc()) count = std::numeric_limits<std::uint64_t>::max();
    return count;
}

ChangesQuery parse_query(const Request& request) {
    ChangesQuery query;
    for (const auto& [name, value] : request.query) {
        if (name == "feed") query.feed = value;
        if (name == "since") query.since = value;
        if (name == "descending" && value == "true") query.descending = true;
        if (name == "limit") query.limit = parse_count(value);
        if (name == "timeout") query.times.take(name, std::to_string(parse_count(value)));
        if (name == "heartbeat" && value == "true") query.times.take(name, value);
        if (name == "heartbeat" && value != "true" && value != "false") {
            const auto milliseconds = std::max<std::uint64_t>(parse_count(value), 1);
            query.times.take(name, std::to_string(milliseconds));
        }
    }
    return query;
}

FeedKind parse_kind(const ChangesQuery& query) {
    const auto kind = query.feed == "live" ? std::nullopt : parse_feed_kind(query.feed);
    if (!kind) {
        throw Refused(Code::bad_request,
                      "Supported `feed` types: normal, continuous, longpoll, eventsource");
    }
    return *kind;
}

class DbUpdateRows final : public FeedRows {
public:
    DbUpdateRows(std::shared_ptr<storage::Database> database, const ChangesQuery& query)
        : database_(std::move(database)),
          last_(start_of(query, *database_)),
          left_(query.limit),
          descending_(query.descending) {}

    Filled fill(std::string& out, FeedFrame& frame) override {
        if (!scan_) {
            const auto view = database_->view();
            newest_ = view->state().update_sequence;
            scan_.emplace(view, last_, descending_);
        }
        const auto full = out.size() + piece_bytes;
        while (left_ > 0 && out.size() < full) {
            const auto* change = scan_->next();
            if (!change) {
                scan_.reset();
                if (!descending_) last_ = newest_;
                return descending_ ? Filled::complete : Filled::drained;
            }
            last_ = change->sequence;
            if (append(out, frame, *change)) --left_;
        }
        if (left_ > 0) return Filled::more;
        scan_.reset();
        return Filled::complete;
    }

    void close(std::string& out, const FeedFrame& frame) override {
        frame.close(out, sequence_json(), std::nullopt);
    }

    bool gone() const override { return database_->doomed(); }

private:
    std::string sequence_json() const { return json_string(database_->sequence_text(last_)); }

    // False where the document is none of ours.
    bool append(std::string& out, FeedFrame& frame, const storage::Change& change) {
        const auto colon = change.id.find(':');
        if (colon == std::string::npos) return false;
        const auto sequence = sequence_json();
        frame.begin_row(out);
        if (frame.kind() == FeedKind::eventsource) {
            // CouchDB tells the document's own change here, and only here.
            append_change(out, change, sequence);
        } else {
            const std::string_view id(change.id);
            out += R"({"db_name":)";
            append_json_string(out, id.substr(colon + 1));
            out += R"(,"type":)";
            append_json_string(out, id.substr(0, colon));
            out.append(R"(,"seq":)").append(sequence).push_back('}');
        }
        frame.end_row(out, sequence);
        return true;
    }

    static void append_change(std::string& out, const storage::Change& change,
                              std::string_view sequence) {
        out.append(R"({"seq":)").append(sequence).append(R"(,"id":)");
        append_json_string(out, change.id);
        out += R"(,"changes":[{"rev":)";
        append_json_string(out, to_string(change.leaves.front().revision));
        out += "}]}";
    }

    std::shared_ptr<storage::Database> database_;
    std::optional<storage::ChangesScan> scan_;
    Sequence last_;
    Sequence newest_;
    std::uint64_t left_;
    const bool descending_;
};

}  // namespace

Task<Response> get_db_updates(Call& call) {
    const auto name = global_changes_name(call.services.config);
    const auto database = co_await call.services.on_storage(
        [&] { return call.services.catalog.open(name); });
    if (!database) co_return refusal(Code::not_found, "Database does not exist.");

    const auto query = parse_query(call.request);
    const auto kind = parse_kind(query);
    const auto state = database->state();
    const auto etag = content_etag(database->entry().uuid + std::to_string(state.commits));
    if (kind == FeedKind::normal && has_etag(call.request, etag)) {
        Response known;
        known.status = 304;
        known.set("ETag", etag);
        co_return std::move(known);
    }
    auto rows = std::make_unique<DbUpdateRows>(database, query);
    std::optional<FeedBell> bell;
    if (kind != FeedKind::normal) bell.emplace(FeedBell{database->bell(), database});
    Response response = co_await answer_feed(call.services, call.request.connection, kind,
                                             std::move(rows),
                                             query.times.patience(call.services.config),
                                             std::move(bell));
    if (kind == FeedKind::normal) response.set("ETag", etag);
    co_return std::move(response);
}

}  // namespace divan::server
