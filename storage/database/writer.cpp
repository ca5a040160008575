#include "storage/database/writer.h"

#include <algorithm>
#include <future>

#include "storage/base/log.h"
#include "storage/database/commit_group.h"
#include "storage/database/database.h"
#include "storage/document/design_document.h"

namespace divan::storage {
namespace {

/// Bounds the memory of one commit, and how long its first waiter waits for its last.
constexpr std::size_t edits_in_commit_max = 20'000;
constexpr std::size_t bytes_in_commit_max = 16U << 20;

Error failure_of(const std::exception& failure) {
    if (const auto* engine = dynamic_cast<const EngineFailure*>(&failure)) {
        return {engine->code(), engine->what(), {}};
    }
    if (const auto* refused = dynamic_cast<const Refused*>(&failure)) return refused->error();
    return {Code::storage_failed, failure.what(), {}};
}

/// Waits for the one callback of a job that this thread may have to drain itself.
template <class T, class Submit>
T wait_for(Writer& writer, Submit submit) {
    std::promise<T> promise;
    auto answer = promise.get_future();
    if (submit([&promise](T result) { promise.set_value(std::move(result)); })) writer.drain();
    return answer.get();
}

}  // namespace

bool Writer::enqueue(Job job) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
    if (draining_) return false;
    draining_ = true;
    return true;
}

bool Writer::submit(std::vector<Edit> edits, std::function<void(EditOutcomes)> done) {
    return enqueue(EditJob{std::move(edits), std::move(done)});
}

bool Writer::submit_purge(std::vector<PurgeRow> rows, std::function<void(Result<Purged>)> done) {
    return enqueue(PurgeJob{std::move(rows), std::move(done)});
}

bool Writer::submit_compaction(std::vector<std::string> ids,
                               std::function<void(Result<void>)> done) {
    return enqueue(CompactJob{std::move(ids), std::move(done)});
}

std::vector<Writer::Job> Writer::take() {
    const std::lock_guard lock(mutex_);
    std::vector<Job> jobs;
    std::size_t edits = 0;
    std::size_t bytes = 0;
    while (!queue_.empty() && edits < edits_in_commit_max && bytes < bytes_in_commit_max) {
        if (const auto* job = std::get_if<EditJob>(&queue_.front())) {
            edits += job->edits.size();
            for (const auto& edit : job->edits) bytes += edit.body.size();
        }
        jobs.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    if (jobs.empty()) draining_ = false;
    return jobs;
}

void Writer::drain() {
    // The last callback may let go of the database.
    const auto alive = database_.shared_from_this();
    for (auto jobs = take(); !jobs.empty(); jobs = take()) commit(std::move(jobs));
}

void Writer::commit(std::vector<Job> jobs) {
    std::vector<std::function<void()>> answers;
    answers.reserve(jobs.size());
    const auto refuse_all = [&](const Error& error) {
        answers.clear();
        for (auto& job : jobs) {
            answers.emplace_back(
                [&job, error] { std::visit([&](auto& one) { one.done(error); }, job); });
        }
    };
    bool changed = false;
    bool alone = false;
    {
        const std::lock_guard lock(database_.commit_mutex_);
        try {
            if (database_.doomed()) {
                throw Refused(Code::not_found, "Database does not exist.");
            }
            changed = commit_locked(jobs, answers);
        } catch (const std::exception& failure) {
            const auto error = failure_of(failure);
            if (error.code != Code::not_found) log(LogLevel::error, error.reason);
            refuse_all(error);
            // A record that cannot be read must not refuse what others asked for.
            alone = jobs.size() > 1 && dynamic_cast<const CorruptBytes*>(&failure) != nullptr;
        }
    }
    if (alone) {
        for (auto& job : jobs) {
            std::vector<Job> one;
            one.push_back(std::move(job));
            commit(std::move(one));
        }
        return;
    }
    for (const auto& answer : answers) answer();
    if (changed) {
        database_.bell_.ring();
        if (database_.on_update_) database_.on_update_();
    }
}

bool Writer::commit_locked(std::vector<Job>& jobs, std::vector<std::function<void()>>& answers) {
    CommitGroup group(database_);
    std::vector<std::string_view> ids;
    for (const auto& job : jobs) {
        if (const auto* edits = std::get_if<EditJob>(&job)) {
            for (const auto& edit : edits->edits) ids.push_back(edit.id);
        } else if (const auto* purge = std::get_if<PurgeJob>(&job)) {
            for (const auto& row : purge->rows) ids.push_back(row.id);
        } else if (const auto* compaction = std::get_if<CompactJob>(&job)) {
            ids.insert(ids.end(), compaction->ids.begin(), compaction->ids.end());
        }
    }
    group.load(ids);

    const bool designs = std::any_of(ids.begin(), ids.end(), is_design_id);
    bool changed = false;
    for (auto& job : jobs) {
        if (auto* edits = std::get_if<EditJob>(&job)) {
            auto outcomes = std::make_shared<EditOutcomes>(group.apply(edits->edits));
            changed = changed || outcomes->has_value();
            answers.emplace_back([edits, outcomes] { edits->done(std::move(*outcomes)); });
        } else if (auto* purge = std::get_if<PurgeJob>(&job)) {
            auto purged = std::make_shared<Result<Purged>>(group.apply(purge->rows));
            changed = true;
            answers.emplace_back([purge, purged] { purge->done(std::move(*purged)); });
        } else if (auto* compaction = std::get_if<CompactJob>(&job)) {
            for (const auto& id : compaction->ids) group.compact(id);
            answers.emplace_back([compaction] { compaction->done(Result<void>()); });
        }
    }
    group.commit();
    if (designs) database_.designs().forget();
    return changed;
}

EditOutcomes Writer::write(std::vector<Edit> edits) {
    return wait_for<EditOutcomes>(
        *this, [&](auto done) { return submit(std::move(edits), std::move(done)); });
}

Result<Purged> Writer::purge(std::vector<PurgeRow> rows) {
    return wait_for<Result<Purged>>(
        *this, [&](auto done) { return submit_purge(std::move(rows), std::move(done)); });
}

Result<void> Writer::compact(std::vector<std::string> ids) {
    return wait_for<Result<void>>(
        *this, [&](auto done) { return submit_compaction(std::move(ids), std::move(done)); });
}

}  // namespace divan::storage
