#include "replication/copier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "storage/base/log.h"

// A document goes with others in one write, unless it is a design document (whose refusal must not
// concern others) or has attachments that are not in its text: they may be large, or refer to what
// the target lacks.
//
// A source may not have what it told of a moment ago: the document was purged, or compacted. A
// target may lack an attachment that it was thought to have, or may not understand what reached it,
// which was perhaps spoiled on its way. Such documents are copied once more after a pause, all
// attachments included; then the job fails and starts again from its checkpoint, where the changes
// feed tells what there is by then. So nothing is skipped.

namespace divan::replication {
namespace {

using storage::Revision;

constexpr std::size_t buffer_bytes_max = 4U << 20;
constexpr std::string_view design_prefix = "_design/";
constexpr int missing_stub_status = 412;

PeerFailure temporary(std::string error, std::string reason) {
    return {PeerFailure::Kind::unreachable, std::move(error), std::move(reason)};
}

/// Refusals of single documents that time may heal. All others are the target's last word.
bool may_heal(std::string_view error) {
    constexpr std::array<std::string_view, 8> names = {
        "internal_server_error", "internal_error", "unknown_error",    "timeout",
        "service_unavailable",   "request_timeout", "too_many_requests", "insufficient_storage",
    };
    return std::find(names.begin(), names.end(), error) != names.end();
}

/// The target says that it cannot make sense of a document. Where that is the document's fault
/// CouchDB fails too, but for names of attachments (couch_replicator_worker).
bool is_misunderstanding(const StoreOutcome& outcome) {
    if (outcome.error == "bad_request") return !outcome.reason.starts_with("Attachment name ");
    return outcome.error == "missing_stub" || outcome.error == "multipart_error" ||
           outcome.error == "doc_validation";
}

/// A target that answered that it did not take an upload, for its session, its pace or a trouble
/// of its own, which may be over soon: what was read of the attachments is gone, so the document is
/// read once more.
bool is_to_be_repeated(const PeerFailure& failure) {
    const int status = failure.status();
    return failure.kind() == PeerFailure::Kind::unreachable &&
           (status == 401 || status == 403 || status == 408 || status == 429 || status >= 500);
}

bool goes_alone(const TravellingDocument& document) {
    if (document.id.starts_with(design_prefix) || document.has_attachments()) return true;
    return !document.whole && document.json.find("\"_attachments\"") != std::string::npos;
}

}  // namespace

Copier::Copier(Peer& source, Peer& target, const JobSettings& settings, ProgressBoard& board,
               ReplicationMetrics& metrics)
    : source_(source),
      target_(target),
      settings_(settings),
      board_(board),
      metrics_(metrics) {}

void Copier::cancel() {
    cancelled_ = true;
    if (signal_) signal_->ring();
}

Task<void> Copier::copy(std::vector<SourceChange> changes) {
    auto asked = select(std::move(changes));
    if (asked.empty()) co_return;
    auto missing = co_await target_.missing(std::move(asked));
    std::erase_if(missing, [](const auto& one) { return one.revisions.empty(); });
    std::uint64_t found = 0;
    for (const auto& one : missing) found += one.revisions.size();
    board_.change([&](JobProgress& p) { p.counts.missing_revisions_found += found; });
    if (missing.empty()) co_return;
    co_await fetch(std::move(missing));
    if (again_.empty()) co_return;
    co_await pause();
    second_ = true;
    co_await fetch(std::exchange(again_, {}));
}

/// A later change of a document tells all its leaves; earlier ones in the batch are history.
std::vector<DocumentRevisions> Copier::select(std::vector<SourceChange> changes) {
    std::map<std::string, std::size_t, std::less<>> places;
    std::vector<DocumentRevisions> asked;
    std::uint64_t checked = 0;
    std::uint64_t skipped = 0;
    for (auto& change : changes) {
        if (change.id.empty() || change.leaves.empty()) continue;
        const auto bytes_max = settings_.document_id_bytes_max;
        if (bytes_max > 0 && change.id.size() > bytes_max) {
            log(LogLevel::error, fmt::format("Replicator: document id {}... of {} is too long, "
                                             "ignoring", change.id.substr(0, 64), source_.name()));
            ++skipped;
            ReplicationMetrics::count(metrics_.document_write_failures);
            continue;
        }
        checked += change.leaves.size();
        const auto [place, is_new] = places.try_emplace(change.id, asked.size());
        if (is_new) {
            asked.push_back({std::move(change.id), std::move(change.leaves), {}});
        } else {
            asked[place->second].revisions = std::move(change.leaves);
        }
    }
    board_.change([&](JobProgress& p) {
        p.counts.revisions_checked += checked;
        p.counts.doc_write_failures += skipped;
    });
    return asked;
}

Task<void> Copier::fetch(std::vector<DocumentRevisions> wanted) {
    wanted_.clear();
    for (const auto& one : wanted) wanted_[one.id] = {one.revisions, 0};
    DocumentSink& sink = *this;
    co_await source_.fetch(std::move(wanted), sink);
    co_await flush();
    check_complete();
}

Task<void> Copier::pause() {
    signal_.emplace();
    const auto until = EventLoop::Clock::now() + settings_.missing_document_retry;
    while (!cancelled_ && EventLoop::Clock::now() < until) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            until - EventLoop::Clock::now());
        co_await signal_->wait(std::max(left, std::chrono::milliseconds(1)));
    }
    signal_.reset();
    if (cancelled_) throw PeerFailure(PeerFailure::Kind::cancelled, "cancelled", "cancelled");
}

void Copier::came(const std::string& id, const Revision& revision) {
    auto& wanted = wanted_[id];
    const auto asked = std::find(wanted.missing.begin(), wanted.missing.end(), revision);
    if (asked == wanted.missing.end()) {
        ++wanted.others;
    } else {
        wanted.missing.erase(asked);
    }
}

/// A source that answers less than it was asked would let the checkpoint pass what is missing.
void Copier::check_complete() const {
    for (const auto& [id, wanted] : wanted_) {
        if (wanted.missing.size() <= wanted.others) continue;
        throw PeerFailure(PeerFailure::Kind::malformed, "missing_doc",
                          fmt::format("{} did not answer for document {}, revision {}",
                                      source_.name(), id, to_string(wanted.missing.front())));
    }
}

Task<void> Copier::take(TravellingDocument document, AttachmentSource* attachments) {
    came(document.id, document.revision);
    board_.change([](JobProgress& p) { ++p.counts.docs_read; });
    ReplicationMetrics::count(metrics_.documents_read);
    if (goes_alone(document)) {
        co_await store_alone(std::move(document), attachments);
        co_return;
    }
    buffered_bytes_ += document.json.size();
    buffer_.push_back(std::move(document));
    if (buffered_bytes_ > buffer_bytes_max) co_await flush();
}

void Copier::absent(std::string_view id, const Revision& revision, std::string_view error,
                    std::string_view reason) {
    const std::string name(id);
    came(name, revision);
    try_again(name, revision, error, reason);
}

void Copier::try_again(const std::string& id, const Revision& revision, std::string_view error,
                       std::string_view reason) {
    const auto told = fmt::format("document {}, revision {}: {} {}", id, to_string(revision),
                                  error, reason);
    if (second_) throw temporary(std::string(error), told);
    log(LogLevel::warning, fmt::format("Replicator: {} -> {}: will try again: {}", source_.name(),
                                       target_.name(), told));
    if (!again_.empty() && again_.back().id == id) {
        again_.back().revisions.push_back(revision);
    } else {
        again_.push_back({id, {revision}, {}});
    }
}

Task<void> Copier::store_alone(TravellingDocument document, AttachmentSource* attachments) {
    const Written written{document.id, document.revision};
    StoreOutcome outcome;
    std::optional<PeerFailure> repeat;
    try {
        if (attachments != nullptr) {
            outcome = co_await target_.store_streamed(std::move(document), *attachments);
        } else {
            std::vector<TravellingDocument> one;
            one.push_back(std::move(document));
            auto outcomes = co_await target_.store(std::move(one));
            if (!outcomes.empty()) outcome = std::move(outcomes.front());
        }
    } catch (const PeerFailure& failure) {
        const bool lacks_stub = failure.status() == missing_stub_status;
        if (lacks_stub) outcome = {false, "missing_stub", {}};
        else if (attachments != nullptr && is_to_be_repeated(failure)) repeat = failure;
        else throw;
    }
    if (!repeat) settle(written, outcome);
    else try_again(written.id, written.revision, repeat->error(), repeat->reason());
}

Task<void> Copier::flush() {
    if (buffer_.empty()) co_return;
    std::vector<Written> written;
    written.reserve(buffer_.size());
    for (const auto& document : buffer_) written.push_back({document.id, document.revision});
    buffered_bytes_ = 0;
    auto outcomes = co_await target_.store(std::exchange(buffer_, {}));
    if (outcomes.size() != written.size()) {
        throw PeerFailure(PeerFailure::Kind::malformed, "malformed_answer",
                          target_.name() + " did not answer for every document");
    }
    for (std::size_t i = 0; i < written.size(); ++i) settle(written[i], outcomes[i]);
}

void Copier::settle(const Written& written, const StoreOutcome& outcome) {
    if (outcome.stored) {
        board_.change([](JobProgress& p) { ++p.counts.docs_written; });
        ReplicationMetrics::count(metrics_.documents_written);
        return;
    }
    if (is_misunderstanding(outcome)) {
        return try_again(written.id, written.revision, outcome.error, outcome.reason);
    }
    const auto told = fmt::format("could not write document {}, revision {}, to {}: {}: {}",
                                  written.id, to_string(written.revision), target_.name(),
                                  outcome.error, outcome.reason);
    if (may_heal(outcome.error)) throw temporary(outcome.error, told);
    log(LogLevel::error, "Replicator: " + told);
    board_.change([](JobProgress& p) { ++p.counts.doc_write_failures; });
    ReplicationMetrics::count(metrics_.document_write_failures);
}

}  // namespace divan::replication
