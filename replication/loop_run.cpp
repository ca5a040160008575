#include "replication/loop_run.h"

#include <mutex>

#include "replication/job.h"

namespace divan::replication {
namespace {

class LoopRun : public JobRun, public std::enable_shared_from_this<LoopRun> {
public:
    LoopRun(EventLoop& loop, std::shared_ptr<const JobRequest> request, const Clock& clock,
            ReplicationMetrics& metrics, std::function<void(RunEnd)> ended)
        : loop_(loop),
          request_(std::move(request)),
          clock_(clock),
          metrics_(metrics),
          ended_(std::move(ended)) {}

    void begin(MakePeer make_peer, JobSettings settings) {
        loop_.post([self = shared_from_this(), make_peer = std::move(make_peer),
                    settings = std::move(settings)]() mutable {
            spawn(run(std::move(self), std::move(make_peer), std::move(settings)));
        });
    }

    void stop() override {
        loop_.post([self = shared_from_this()] {
            self->stopping_ = true;
            if (self->job_) self->job_->stop();
        });
    }

    JobProgress progress() const override {
        const std::lock_guard lock(mutex_);
        return job_ ? job_->progress() : last_;
    }

private:
    static Task<void> run(std::shared_ptr<LoopRun> self, MakePeer make_peer,
                          JobSettings settings) {
        RunEnd end;
        try {
            if (!self->stopping_) self->make(make_peer, std::move(settings));
            if (self->job_) {
                auto answer = co_await self->job_->run();
                end.kind = self->stopping_ ? RunEnd::Kind::stopped : RunEnd::Kind::completed;
                end.answer = std::move(answer);
            }
        } catch (const PeerFailure& failure) {
            end = self->failed(failure.error(), failure.reason());
        } catch (const Refused& refused) {
            end = self->failed(refused.error().name, refused.error().reason);
        } catch (const std::exception& failure) {
            end = self->failed("internal_error", failure.what());
        }
        self->drop();
        // On a fresh stack: nothing of the run is left when it is told.
        self->loop_.post([self, end = std::move(end)]() mutable {
            std::exchange(self->ended_, {})(std::move(end));
        });
    }

    void make(const MakePeer& make_peer, JobSettings settings) {
        const auto& replication = request_->replication;
        auto source = make_peer(replication.source, replication);
        auto target = make_peer(replication.target, replication);
        auto job = std::make_unique<Job>(std::move(source), std::move(target),
                                         std::move(settings), clock_, metrics_);
        const std::lock_guard lock(mutex_);
        job_ = std::move(job);
    }

    void drop() {
        std::unique_ptr<Job> job;  // Destroyed after the lock.
        const std::lock_guard lock(mutex_);
        if (!job_) return;
        last_ = job_->progress();
        job = std::move(job_);
    }

    RunEnd failed(std::string error, std::string reason) const {
        if (stopping_) return {RunEnd::Kind::stopped, {}, {}, {}};
        return {RunEnd::Kind::failed, {}, std::move(error), std::move(reason)};
    }

    EventLoop& loop_;
    const std::shared_ptr<const JobRequest> request_;
    const Clock& clock_;
    ReplicationMetrics& metrics_;
    std::function<void(RunEnd)> ended_;
    bool stopping_ = false;  ///< The loop's thread alone.
    mutable std::mutex mutex_;
    std::unique_ptr<Job> job_;  ///< Changed by the loop's thread, with the lock.
    JobProgress last_;
};

}  // namespace

JobSettings job_settings(const JobRequest& request, const ReplicationCounts& counted) {
    const auto& asked = request.replication;
    const auto& tuning = asked.tuning;
    JobSettings settings;
    settings.checkpoint_id = request.id.base;
    settings.older_checkpoint_ids = request.older_base_ids;
    settings.changes.continuous = asked.continuous;
    settings.changes.winning_revisions_only = asked.winning_revs_only;
    settings.changes.filter = asked.filter;
    settings.changes.query_params = asked.query_pairs();
    if (asked.doc_ids) {
        settings.changes.doc_ids = *asked.doc_ids;
        settings.changes.filter = "_doc_ids";
    }
    if (asked.selector) settings.changes.selector = asked.selector->dump();
    settings.create_target = asked.create_target;
    settings.create_target_parameters = asked.create_target_params;
    if (asked.since_seq) settings.since_sequence = asked.since_seq->dump();
    settings.use_checkpoints = tuning.use_checkpoints;
    settings.checkpoint_interval = tuning.checkpoint_interval;
    settings.worker_processes = static_cast<std::size_t>(tuning.worker_processes);
    settings.worker_batch_size = static_cast<std::size_t>(tuning.worker_batch_size);
    settings.start_time = request.start_time;
    settings.counted_before = counted;
    settings.goes_on = counted != ReplicationCounts();
    return settings;
}

std::shared_ptr<JobRun> run_on_loop(EventLoop& loop, MakePeer make_peer,
                                    std::shared_ptr<const JobRequest> request,
                                    JobSettings settings, const Clock& clock,
                                    ReplicationMetrics& metrics,
                                    std::function<void(RunEnd)> ended) {
    auto run = std::make_shared<LoopRun>(loop, std::move(request), clock, metrics,
                                         std::move(ended));
    run->begin(std::move(make_peer), std::move(settings));
    return run;
}

}  // namespace divan::replication
