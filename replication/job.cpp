#include "replication/job.h"

#include <coroutine>
#include <exception>
#include <set>
#include <utility>

#include "replication/checkpointer.h"
#include "replication/copier.h"
#include "replication/in_flight.h"
#include "storage/base/async/signal.h"

// One coroutine reads the feed; each batch is copied by a coroutine of its own, so that the next
// one is asked for while others are fetched and written. All of them run on one loop, so nothing
// here needs a lock. Whoever fails first leaves its exception and cancels the rest; `run` waits for
// them and throws it.

namespace divan::replication {
namespace {

constexpr std::chrono::hours long_wait{24};

/// Goes on with a fresh stack: whoever called `stop` or `cancel` has returned by then.
struct NextTurn {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiter) const {
        EventLoop::current()->post([awaiter] { awaiter.resume(); });
    }
    void await_resume() const noexcept {}
};

PeerFailure cancelled() {
    return {PeerFailure::Kind::cancelled, "cancelled", "The replication was cancelled"};
}

/// A copier that a failure elsewhere must reach.
class Listed {
public:
    Listed(std::set<Copier*>& list, Copier& copier) : list_(list), copier_(&copier) {
        list_.insert(copier_);
    }
    ~Listed() { list_.erase(copier_); }
    Listed(const Listed&) = delete;
    Listed& operator=(const Listed&) = delete;

private:
    std::set<Copier*>& list_;
    Copier* copier_;
};

}  // namespace

class Job::Run {
public:
    Run(std::unique_ptr<Peer> source, std::unique_ptr<Peer> target, JobSettings settings,
        const Clock& clock, ReplicationMetrics& metrics)
        : source_(std::move(source)),
          target_(std::move(target)),
          settings_(std::move(settings)),
          clock_(clock),
          metrics_(metrics),
          checkpointer_(*source_, *target_, settings_, clock_) {}

    Task<std::string> run();
    void stop();
    void cancel() { fail(std::make_exception_ptr(cancelled())); }
    JobProgress progress() const { return board_.read(); }

private:
    Task<void> open();
    Task<PeerInfo> open_end(Peer& peer, bool create);
    Task<void> pump();
    Task<void> read_feed();
    Task<void> copy(std::uint64_t ticket, std::vector<SourceChange> rows);
    Task<void> timed_checkpoint();
    Task<void> checkpoint();
    Task<void> settle();

    void accept(ChangesBatch batch);
    void arm_timer();
    void disarm(std::function<void()>& timer);
    void fail(std::exception_ptr failure);
    void publish();
    bool leaving() const { return stopping_ || failure_; }

    std::unique_ptr<Peer> source_;
    std::unique_ptr<Peer> target_;
    const JobSettings settings_;
    const Clock& clock_;
    ReplicationMetrics& metrics_;
    Checkpointer checkpointer_;
    ProgressBoard board_;
    Signal changed_;  ///< Something that `run` may wait for.
    InFlight in_flight_{"0"};
    std::unique_ptr<ChangesFeed> feed_;
    std::set<Copier*> copiers_;
    std::size_t copying_ = 0;
    bool checkpointing_ = false;
    bool stopping_ = false;
    bool opened_ = false;
    bool changed_something_ = false;
    std::optional<std::uint64_t> pending_;  ///< Changes after those that were read.
    ReplicationCounts counted_;             ///< Before this session.
    std::exception_ptr failure_;
    std::function<void()> checkpoint_timer_;
    std::function<void()> grace_timer_;
};

Task<std::string> Job::Run::run() {
    board_.change([&](JobProgress& p) { p.started_on = p.updated_on = clock_.unix_seconds(); });
    try {
        co_await open();
        co_await pump();
    } catch (...) {
        fail(std::current_exception());
    }
    co_await settle();
    if (!failure_) {
        try {
            co_await checkpoint();
        } catch (...) {
            fail(std::current_exception());
        }
    }
    disarm(grace_timer_);
    co_await NextTurn();
    feed_.reset();
    if (failure_) std::rethrow_exception(failure_);
    co_return checkpointer_.answer(changed_something_);
}

Task<void> Job::Run::open() {
    auto source = co_await open_end(*source_, false);
    auto target = co_await open_end(*target_, settings_.create_target);
    co_await checkpointer_.load(std::move(source), std::move(target));
    counted_ = checkpointer_.counted();
    in_flight_ = InFlight(checkpointer_.since());
    board_.change([&](JobProgress& p) {
        p.counts = counted_;
        p.checkpointed_source_seq = checkpointer_.committed();
    });
    opened_ = true;
    publish();
    if (settings_.opened) settings_.opened();
}

/// What couch_replicator_scheduler_job:replication_start_error/1 says.
Task<PeerInfo> Job::Run::open_end(Peer& peer, bool create) {
    using Kind = PeerFailure::Kind;
    try {
        if (create) co_await peer.create(settings_.create_target_parameters);
        auto info = co_await peer.info();
        co_return info;
    } catch (const PeerFailure& failure) {
        const auto& name = peer.name();
        const auto status = failure.status();
        switch (failure.kind()) {
            case Kind::not_found:
                throw PeerFailure(Kind::not_found, "db_not_found", "could not open " + name,
                                  status);
            case Kind::unauthorized:
                throw PeerFailure(Kind::unauthorized, "unauthorized",
                                  "unauthorized to access or create database " + name, status);
            case Kind::forbidden:
                throw PeerFailure(Kind::forbidden, "forbidden", name, status);
            default: throw;
        }
    }
}

Task<void> Job::Run::pump() {
    if (leaving()) co_return;
    auto query = settings_.changes;
    query.since = checkpointer_.since();
    feed_ = co_await source_->changes(std::move(query));
    try {
        co_await read_feed();
    } catch (const PeerFailure& failure) {
        // `stop` cancelled the feed, and nothing else.
        if (!stopping_ || failure.kind() != PeerFailure::Kind::cancelled) throw;
    }
}

Task<void> Job::Run::read_feed() {
    bool ended = false;
    while (!ended && !leaving()) {
        if (copying_ >= std::max<std::size_t>(settings_.worker_processes, 1)) {
            co_await changed_.wait(long_wait);
            continue;
        }
        auto batch = co_await feed_->next(std::max<std::size_t>(settings_.worker_batch_size, 1));
        if (leaving()) co_return;
        ended = batch.ended;
        accept(std::move(batch));
    }
}

void Job::Run::accept(ChangesBatch batch) {
    pending_ = batch.ended ? 0 : batch.pending;
    if (!batch.rows.empty()) {
        changed_something_ = true;
        const auto ticket = in_flight_.begin(batch.rows.back().sequence, batch.rows.size());
        ++copying_;
        spawn(copy(ticket, std::move(batch.rows)));
    } else if (!batch.ended && batch.last_sequence != in_flight_.highest()) {
        changed_something_ = true;
        in_flight_.done(in_flight_.begin(std::move(batch.last_sequence), 0));
        arm_timer();
    }
    publish();
}

Task<void> Job::Run::copy(std::uint64_t ticket, std::vector<SourceChange> rows) {
    try {
        Copier copier(*source_, *target_, settings_, board_, metrics_);
        const Listed listed(copiers_, copier);
        co_await copier.copy(std::move(rows));
        in_flight_.done(ticket);
        publish();
        if (!leaving()) arm_timer();
    } catch (...) {
        fail(std::current_exception());
    }
    --copying_;
    changed_.ring();
}

void Job::Run::arm_timer() {
    const bool nothing_new = in_flight_.through() == checkpointer_.committed();
    if (!settings_.use_checkpoints || checkpoint_timer_ || checkpointing_ || nothing_new) return;
    checkpoint_timer_ = EventLoop::current()->after(settings_.checkpoint_interval, [this] {
        checkpoint_timer_ = nullptr;
        checkpointing_ = true;
        spawn(timed_checkpoint());
    });
}

void Job::Run::disarm(std::function<void()>& timer) {
    if (timer) std::exchange(timer, nullptr)();
}

Task<void> Job::Run::timed_checkpoint() {
    try {
        co_await checkpoint();
    } catch (...) {
        fail(std::current_exception());
    }
    checkpointing_ = false;
    if (!leaving()) arm_timer();
    changed_.ring();
}

/// What is through is read before the ends are made durable, so that the disk has all of it.
Task<void> Job::Run::checkpoint() {
    if (!opened_ || !settings_.use_checkpoints || !changed_something_) co_return;
    auto through = in_flight_.through();
    if (through == checkpointer_.committed()) co_return;
    const auto counts = board_.read().counts;
    try {
        co_await checkpointer_.save(std::move(through), counts);
    } catch (...) {
        ReplicationMetrics::count(metrics_.checkpoints_failed);
        throw;
    }
    ReplicationMetrics::count(metrics_.checkpoints_written);
    publish();
}

/// Until nothing of the job runs but `run` itself.
Task<void> Job::Run::settle() {
    while (copying_ > 0 || checkpointing_) co_await changed_.wait(long_wait);
    disarm(checkpoint_timer_);
}

void Job::Run::stop() {
    if (leaving()) return;
    if (!opened_) return cancel();
    stopping_ = true;
    grace_timer_ = EventLoop::current()->after(settings_.stop_grace, [this] {
        grace_timer_ = nullptr;
        cancel();
    });
    if (feed_) feed_->cancel();
    changed_.ring();
}

void Job::Run::fail(std::exception_ptr failure) {
    if (failure_) return;
    failure_ = std::move(failure);
    if (feed_) feed_->cancel();
    for (auto* copier : copiers_) copier->cancel();
    source_->cancel();
    target_->cancel();
    changed_.ring();
}

void Job::Run::publish() {
    const auto bulk = source_->bulk_get_counts();
    board_.change([&](JobProgress& p) {
        p.counts.bulk_get_attempts = counted_.bulk_get_attempts + bulk.attempts;
        p.counts.bulk_get_docs = counted_.bulk_get_docs + bulk.documents;
        p.source_seq = in_flight_.highest();
        p.through_seq = in_flight_.through();
        p.checkpointed_source_seq = checkpointer_.committed();
        p.changes_pending = pending_;
        if (pending_) *p.changes_pending += in_flight_.rows();
        p.updated_on = clock_.unix_seconds();
    });
}

Job::Job(std::unique_ptr<Peer> source, std::unique_ptr<Peer> target, JobSettings settings,
         const Clock& clock, ReplicationMetrics& metrics)
    : run_(std::make_unique<Run>(std::move(source), std::move(target), std::move(settings),
                                 clock, metrics)) {}
Job::~Job() = default;

Task<std::string> Job::run() {
    return run_->run();
}
void Job::stop() {
    run_->stop();
}
void Job::cancel() {
    run_->cancel();
}
JobProgress Job::progress() const {
    return run_->progress();
}

}  // namespace divan::replication
