#include "replication/scheduler.h"

#include <algorithm>
#include <tuple>

#include "storage/base/log.h"
#include "storage/base/random.h"

namespace divan::replication {
namespace {

// So many jobs a second start at once; those beyond it are spread over `startup_jitter`.
constexpr std::size_t starts_at_once = 100;

std::chrono::milliseconds random_time(std::chrono::milliseconds most) {
    const auto range = static_cast<std::uint64_t>(std::max<std::int64_t>(most.count(), 1));
    return std::chrono::milliseconds(static_cast<std::int64_t>(random_u64() % range));
}

std::string crash_text(const RunEnd& end) {
    if (end.error.empty()) return end.reason;
    return end.reason.empty() ? end.error : end.error + ": " + end.reason;
}

// couch_replicator_share:key/1
const std::string& owner_of(const Replication& replication) {
    return replication.database.empty() ? replication.user.name : replication.database;
}

void set(std::atomic<std::uint64_t>& gauge, std::size_t value) {
    gauge.store(value, std::memory_order_relaxed);
}

void increment(std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

std::string_view JobInfo::state() const {
    if (running) return "running";
    return history.crashed() || crashes > 0 ? "crashing" : "pending";
}

Scheduler::Scheduler(LaunchJob launch, std::function<SchedulerSettings()> settings,
                     const Clock& clock, Metrics& metrics)
    : launch_(std::move(launch)),
      read_settings_(std::move(settings)),
      clock_(clock),
      metrics_(metrics.replication),
      settings_(read_settings_()),
      turns_taken_(clock.now()),
      second_(clock.now()) {}

void Scheduler::note(Job& job, JobEvent::Type type, std::string reason) {
    crashed_ -= std::size_t(job.history.crashed());
    job.history.add({type, clock_.unix_seconds(), std::move(reason)}, settings_.history_max);
    crashed_ += std::size_t(job.history.crashed());
}

// With the lock held.
void Scheduler::count() {
    set(metrics_.jobs_running, running_.size());
    set(metrics_.jobs_pending, pending_.size());
    set(metrics_.jobs_crashed, crashed_);
    set(metrics_.jobs_total, jobs_.size());
}

void Scheduler::add(JobRequest request, Waiter waiter) {
    Calls calls;
    {
        const std::lock_guard lock(mutex_);
        settings_ = read_settings_();
        const auto id = request.id.full();
        auto found = jobs_.find(id);
        if (found != jobs_.end() &&
            found->second.request->replication.same_as(request.replication)) {
            increment(metrics_.jobs_added_again);
            if (waiter) found->second.waiters.push_back(std::move(waiter));
            return;
        }
        if (stopping_) {
            calls.push_back([waiter = std::move(waiter)] {
                if (waiter) waiter({RunEnd::Kind::stopped, {}, {}, {}});
            });
        } else {
            if (found != jobs_.end()) retire(found, calls);
            Job& job = jobs_[id];
            job.request = std::make_shared<const JobRequest>(std::move(request));
            if (waiter) job.waiters.push_back(std::move(waiter));
            share_.add(id, owner_of(job.request->replication), settings_.share);
            note(job, JobEvent::Type::added);
            increment(metrics_.jobs_added);
            wait_until(job, jittered_start());
            start_due();
        }
        count();
    }
    for (const auto& call : calls) call();
}

Scheduler::Time Scheduler::jittered_start() {
    const auto now = clock_.now();
    if (now - second_ >= std::chrono::seconds(1)) {
        second_ = now;
        started_in_second_ = 0;
    }
    if (++started_in_second_ <= starts_at_once) return now;
    return now + random_time(settings_.startup_jitter);
}

void Scheduler::wait_until(Job& job, Time due) {
    job.due = due;
    pending_.emplace(due, job.request->id.full());
}

// What an earlier job of this id still does, it does at the same checkpoints.
bool Scheduler::runs_still(std::string_view id) const {
    return std::any_of(ending_.begin(), ending_.end(),
                       [&](const auto& entry) { return entry.second.id == id; });
}

void Scheduler::start(Job& job) {
    const auto id = job.request->id.full();
    pending_.erase({job.due, id});
    job.run_number = ++last_run_;
    job.started = clock_.now();
    job.resting = false;
    note(job, JobEvent::Type::started);
    increment(metrics_.jobs_started);
    running_.emplace(job.run_number, id);
    const auto counted = job.progress ? job.progress->counts : ReplicationCounts();
    job.run = launch_(job.request, counted,
                      [this, number = job.run_number](RunEnd end) {
                          on_end(number, std::move(end));
                      });
}

// With the lock held.
void Scheduler::start_due() {
    const auto on = running_.size() + ending_.size();
    if (pending_.empty() || on >= settings_.jobs_max) return;
    for (Job* job : due_first(settings_.jobs_max - on)) start(*job);
}

// Those that are due: all of them, or where they are more than `most`, those whose turn it is.
std::vector<Scheduler::Job*> Scheduler::due_first(std::size_t most) {
    std::vector<std::pair<double, Job*>> due;
    const auto now = clock_.now();
    for (auto next = pending_.begin(); next != pending_.end() && next->first <= now; ++next) {
        if (!ending_.empty() && runs_still(next->second)) continue;
        due.emplace_back(0, &jobs_.find(next->second)->second);
    }
    if (due.size() > most) {
        for (auto& [priority, job] : due) priority = share_.priority(job->request->id.full());
        std::stable_sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
            return a.first != b.first ? a.first < b.first : a.second->started < b.second->started;
        });
        due.resize(most);
    }
    std::vector<Job*> jobs;
    for (const auto& [priority, job] : due) jobs.push_back(job);
    return jobs;
}

void Scheduler::charge(const std::string& id, const Job& job) {
    const auto ran = std::min<Time::duration>(clock_.now() - job.started, settings_.interval);
    share_.charge(id, std::chrono::duration_cast<FairShare::Time>(ran));
}

// Takes a job out of the list; what it still runs ends on its own.
void Scheduler::retire(Jobs::iterator job, Calls& calls) {
    auto& [id, gone] = *job;
    increment(metrics_.jobs_removed);
    crashed_ -= std::size_t(gone.history.crashed());
    if (gone.run) {
        charge(id, gone);
        running_.erase(gone.run_number);
        gone.run->stop();
        ending_.emplace(gone.run_number, Ending{std::move(gone.run), id, {}});
    } else {
        pending_.erase({gone.due, id});
    }
    for (auto& waiter : gone.waiters) {
        calls.push_back([waiter = std::move(waiter)] {
            waiter({RunEnd::Kind::stopped, {}, {}, {}});
        });
    }
    share_.remove(id);
    jobs_.erase(job);
}

bool Scheduler::remove(std::string_view id, std::function<void()> gone) {
    Calls calls;
    bool found = false;
    {
        const std::lock_guard lock(mutex_);
        const auto job = jobs_.find(id);
        found = job != jobs_.end();
        if (found) {
            const auto run = job->second.run_number;
            const bool runs = job->second.run != nullptr;
            retire(job, calls);
            if (gone && runs) ending_.at(run).gone.push_back(std::move(gone));
            else if (gone) calls.push_back(std::move(gone));
            start_due();
            count();
        }
    }
    for (const auto& call : calls) call();
    return found;
}

void Scheduler::on_end(std::size_t run_number, RunEnd end) {
    Calls calls;
    {
        const std::lock_guard lock(mutex_);
        if (const auto ending = ending_.find(run_number); ending != ending_.end()) {
            calls = std::move(ending->second.gone);
            ending_.erase(ending);
        } else if (const auto running = running_.find(run_number); running != running_.end()) {
            end_run(jobs_.find(running->second), end, calls);
        }
        if (!stopping_) start_due();
        count();
        if (stopping_ && running_.empty() && ending_.empty() && all_stopped_) {
            calls.push_back(std::exchange(all_stopped_, {}));
        }
    }
    for (const auto& call : calls) call();
}

void Scheduler::end_run(Jobs::iterator entry, const RunEnd& end, Calls& calls) {
    Job& job = entry->second;
    running_.erase(job.run_number);
    job.progress = job.run->progress();
    job.run.reset();
    const bool stopped = end.kind == RunEnd::Kind::stopped;
    if (stopped && job.resting) {
        note(job, JobEvent::Type::stopped);
        increment(metrics_.jobs_stopped);
        wait_until(job, clock_.now());
        return;
    }
    charge(entry->first, job);
    const bool failed = end.kind == RunEnd::Kind::failed;
    if (failed) {
        increment(metrics_.jobs_crashes);
        if (job.progress->started_on == 0) increment(metrics_.failed_starts);
        note(job, JobEvent::Type::crashed, crash_text(end));
        log(LogLevel::error, "replication " + entry->first + " (" +
                                 job.request->replication.source.url + " -> " +
                                 job.request->replication.target.url +
                                 ") failed: " + crash_text(end));
    }
    for (auto& waiter : job.waiters) {
        calls.push_back([waiter = std::move(waiter), end] { waiter(end); });
    }
    job.waiters.clear();
    if (listener_ && !job.request->transient()) {
        calls.push_back([this, shown = info(job), end] { listener_(shown, end); });
    }
    if (failed && !job.request->transient()) {
        const auto rest = crash_backoff(job.history.consecutive_crashes(settings_.healthy_after));
        const auto more = random_time(rest / 10);
        wait_until(job, clock_.now() + rest + more);
        return;
    }
    crashed_ -= std::size_t(job.history.crashed());
    share_.remove(entry->first);
    jobs_.erase(entry);
}

std::shared_ptr<const JobRequest> Scheduler::find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto job = jobs_.find(id);
    return job == jobs_.end() ? nullptr : job->second.request;
}

JobInfo Scheduler::info(const Job& job) const {
    JobInfo info;
    info.request = job.request;
    info.history = job.history;
    info.running = job.run != nullptr;
    info.run_number = job.run_number;
    info.progress = job.progress;
    if (job.run) {
        const auto now = job.run->progress();
        if (now.started_on != 0) info.progress = now;
    }
    info.crashes = job.history.consecutive_crashes(settings_.healthy_after);
    return info;
}

std::optional<JobInfo> Scheduler::job(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return std::nullopt;
    return info(job->second);
}

std::vector<JobInfo> Scheduler::jobs() const {
    const std::lock_guard lock(mutex_);
    std::vector<JobInfo> infos;
    infos.reserve(jobs_.size());
    for (const auto& [id, job] : jobs_) infos.push_back(info(job));
    return infos;
}

void Scheduler::tick() {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    settings_ = read_settings_();
    start_due();
    if (clock_.now() - turns_taken_ >= settings_.interval) {
        turns_taken_ = clock_.now();
        end_interval();
        take_turns(settings_);
    }
    count();
}

void Scheduler::end_interval() {
    for (const auto& [number, id] : running_) charge(id, jobs_.find(id)->second);
    share_.end_interval(settings_.share);
    for (const auto& [number, id] : running_) share_.ran(id, settings_.share);
}

// Where more jobs are due than may run, others make room: those with the highest priority values,
// of them those that ran longest; continuous ones alone, unless `max_jobs` itself was lowered.
void Scheduler::take_turns(const SchedulerSettings& settings) {
    const auto now = clock_.now();
    const auto due = static_cast<std::size_t>(
        std::count_if(pending_.begin(), pending_.end(),
                      [&](const auto& entry) { return entry.first <= now; }));
    const auto running = running_.size();
    const auto excess = running > settings.jobs_max ? running - settings.jobs_max : 0;
    const auto free = settings.jobs_max > running ? settings.jobs_max - running : 0;
    const auto wanted = due > free ? std::min(due - free, settings.churn_max) : 0;
    const auto count = std::max(excess, wanted);
    if (count == 0) return;

    std::vector<std::tuple<bool, double, Time, Job*>> candidates;
    for (auto& [id, job] : jobs_) {
        const bool continuous = job.request->replication.continuous;
        if (!job.run || job.resting || (!continuous && excess == 0)) continue;
        candidates.emplace_back(!continuous, -share_.priority(id), job.started, &job);
    }
    std::sort(candidates.begin(), candidates.end());
    candidates.resize(std::min(count, candidates.size()));
    for (const auto& candidate : candidates) {
        Job& job = *std::get<Job*>(candidate);
        job.resting = true;
        job.run->stop();
    }
}

void Scheduler::stop_all(std::function<void()> done) {
    Calls calls;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        while (!jobs_.empty()) retire(jobs_.begin(), calls);
        if (ending_.empty()) calls.push_back(std::move(done));
        else all_stopped_ = std::move(done);
        count();
    }
    for (const auto& call : calls) call();
}

}  // namespace divan::replication
