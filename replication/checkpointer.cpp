#include "replication/checkpointer.h"

#include <fmt/format.h>

#include "storage/base/json.h"
#include "storage/base/log.h"
#include "storage/base/random.h"

namespace divan::replication {
namespace {

constexpr int conflict_status = 409;

PeerFailure commit_failure(std::string reason) {
    return {PeerFailure::Kind::unreachable, "checkpoint_commit_failure", std::move(reason)};
}

/// Ends of before CouchDB 3.3 say "0", and may be upgraded under a job; others say nothing.
bool same_instance(const std::string& before, const std::string& now) {
    const auto unknown = [](const std::string& time) { return time.empty() || time == "0"; };
    return before == now || unknown(before) || unknown(now);
}

bool same_checkpoint(const ReplicationLog& a, const ReplicationLog& b) {
    return !a.session_id.empty() && a.session_id == b.session_id &&
           a.source_last_sequence == b.source_last_sequence;
}

std::string braced(std::string_view members) {
    return fmt::format("{{{}}}", members);
}

}  // namespace

Checkpointer::Checkpointer(Peer& source, Peer& target, const JobSettings& settings,
                           const Clock& clock)
    : source_(source),
      target_(target),
      settings_(settings),
      clock_(clock),
      session_id_(random_uuid()) {}

Task<void> Checkpointer::load(PeerInfo source, PeerInfo target) {
    source_info_ = std::move(source);
    target_info_ = std::move(target);
    source_log_ = co_await find_log(source_);
    target_log_ = co_await find_log(target_);
    auto common = compare_logs(source_log_, target_log_);
    history_ = std::move(common.history);
    since_ = std::move(common.since);
    const bool begins = since_ == "0" || !settings_.goes_on;
    if (begins && settings_.since_sequence) since_ = *settings_.since_sequence;
    committed_ = since_;
    forget_logs();
}

/// Thousands of jobs wait at a time: none keeps what it will not need.
void Checkpointer::forget_logs() {
    source_log_.history = {};
    target_log_.history = {};
    target_log_.members = {};
    if (settings_.changes.continuous) source_log_.members = {};
}

Task<ReplicationLog> Checkpointer::find_log(Peer& peer) {
    const auto found = co_await peer.local_document(settings_.checkpoint_id);
    if (found) co_return parse_log(*found);
    for (const auto& older : settings_.older_checkpoint_ids) {
        const auto old = co_await peer.local_document(older);
        if (!old) continue;
        auto moved = parse_log(*old);
        moved.revision.clear();
        if (!settings_.use_checkpoints) co_return moved;
        auto members = moved.members;
        co_await put(peer, moved, std::move(members), "migrated");
        log(LogLevel::notice, fmt::format("Checkpoint of {} moved from {} to {}", peer.name(),
                                          older, settings_.checkpoint_id));
        co_return moved;
    }
    co_return ReplicationLog();
}

ReplicationCounts Checkpointer::counted() const {
    auto counts = settings_.counted_before;
    if (!history_.empty()) counts.raise_to(history_.front().counts);
    return counts;
}

Task<void> Checkpointer::check_instances() {
    const auto target_now = co_await target_.ensure_durable();
    const auto source_now = co_await source_.ensure_durable();
    const bool same_source = same_instance(source_info_.instance_start_time, source_now);
    const bool same_target = same_instance(target_info_.instance_start_time, target_now);
    if (same_source && same_target) co_return;
    std::string_view which = same_source ? "target" : "source";
    if (!same_source && !same_target) which = "source and target";
    throw commit_failure(fmt::format(
        "instance_start_time on {} database has changed since last checkpoint.", which));
}

Task<void> Checkpointer::save(std::string sequence, ReplicationCounts counts) {
    co_await check_instances();
    Session session;
    session.id = session_id_;
    session.start_time = settings_.start_time;
    session.end_time = clock_.unix_seconds();
    session.start_sequence = since_;
    session.end_sequence = sequence;
    session.counts = counts;
    const auto& changes = settings_.changes;
    session.of_doc_ids = !changes.doc_ids.empty() || changes.filter == "_doc_ids";
    const auto members = write_log(session, history_);
    co_await put(source_, source_log_, members, "source");
    co_await put(target_, target_log_, members, "target");
    if (!settings_.changes.continuous) written_ = members;
    committed_ = std::move(sequence);
}

Task<void> Checkpointer::put(Peer& peer, ReplicationLog& log, std::string members,
                             std::string_view end) {
    bool conflict = false;
    try {
        log.revision = co_await peer.put_local_document(settings_.checkpoint_id, braced(members),
                                                        log.revision);
    } catch (const PeerFailure& failure) {
        if (failure.status() != conflict_status) throw;
        conflict = true;
    }
    if (conflict) log.revision = co_await settle_conflict(peer, std::move(members), end);
}

// An answer that was lost looks like a conflict when the write is tried again: then what is there
// is what was sent.
Task<std::string> Checkpointer::settle_conflict(Peer& peer, std::string members,
                                                std::string_view end) {
    const auto stored = co_await peer.local_document(settings_.checkpoint_id);
    if (stored) {
        auto there = parse_log(*stored);
        if (same_checkpoint(there, parse_log(braced(members)))) {
            co_return std::move(there.revision);
        }
    }
    throw commit_failure(
        fmt::format("Error updating the {} checkpoint document: conflict", end));
}

std::string Checkpointer::answer(bool changed) const {
    if (settings_.changes.continuous) {
        return fmt::format(R"({{"ok":true,"session_id":{},"source_last_seq":{}}})",
                           json_string(session_id_), committed_);
    }
    if (!changed) {
        const auto& known = source_log_.members;
        return fmt::format(R"({{"ok":true,"no_changes":true{}{}}})", known.empty() ? "" : ",",
                           known);
    }
    if (!settings_.use_checkpoints) return R"({"ok":true,"use_checkpoints":false})";
    return fmt::format(R"({{"ok":true,{}}})", written_);
}

}  // namespace divan::replication
