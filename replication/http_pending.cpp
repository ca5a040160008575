#include "replication/http_pending.h"

#include <algorithm>

#include "replication/http/headers.h"
#include "replication/json_outline.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

// One row at most, whose document is not asked for.
constexpr std::size_t answer_bytes_max = 1 << 20;

// The value of a member of an object that is a number; none where there is no such.
std::optional<std::uint64_t> number_in(std::string_view object, std::string_view name) {
    std::optional<std::uint64_t> found;
    JsonMembers members(object);
    while (members.next()) {
        if (members.key() == name) found = json_unsigned(members.value());
    }
    return members.complete() ? found : std::nullopt;
}

}  // namespace

bool PendingChanges::due(Time now) const {
    return !asked_ || (stale_ && now - *asked_ >= client_.settings().silence_limit);
}

Task<bool> PendingChanges::ask(std::string since) {
    std::optional<std::uint64_t> found;
    try {
        found = co_await ask_changes(since);
        if (!found) found = co_await ask_numbers(since);
    } catch (const PeerFailure& failure) {
        if (failure.kind() == PeerFailure::Kind::cancelled) throw;
    }
    asked_ = std::chrono::steady_clock::now();
    stale_ = found != value_;
    value_ = found;
    co_return stale_;
}

// A filter is not asked for, as in CouchDB: it would be run over all that is left.
Task<std::optional<std::uint64_t>> PendingChanges::ask_changes(const std::string& since) {
    HttpRequest request;
    request.path = "_changes";
    request.query = "limit=0&since=" + percent_encode(json_text(since).value_or(since));
    request.nested = request.once = true;
    request.cancellation = &cancellation_;
    const auto reply = co_await client_.exchange(request, answer_bytes_max);
    if (reply.status != 200) co_return std::nullopt;
    co_return number_in(reply.body, "pending");
}

// CouchDB 1.x, whose sequences are numbers, does not say what is pending.
Task<std::optional<std::uint64_t>> PendingChanges::ask_numbers(const std::string& since) {
    const auto from = json_unsigned(since);
    if (!from) co_return std::nullopt;
    HttpRequest request;
    request.nested = request.once = true;
    request.cancellation = &cancellation_;
    const auto reply = co_await client_.exchange(request, answer_bytes_max);
    if (reply.status != 200) co_return std::nullopt;
    const auto last = number_in(reply.body, "update_seq");
    if (!last) co_return std::nullopt;
    co_return *last - std::min(*last, *from);
}

void PendingChanges::read(std::size_t rows) {
    if (rows == 0) return;
    stale_ = true;
    if (value_) *value_ -= std::min<std::uint64_t>(*value_, rows);
}

void PendingChanges::told(std::uint64_t pending) {
    value_ = pending;
    asked_ = std::chrono::steady_clock::now();
    stale_ = false;
}

}  // namespace divan::replication
