#include "replication/document_jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "replication/job_views.h"
#include "storage/base/log.h"
#include "storage/base/random.h"
#include "storage/database/changes.h"
#include "storage/database/read_view.h"
#include "storage/document/design_document.h"

namespace divan::replication {
namespace {

using std::chrono::seconds;

// As in couch_replicator_doc_processor: a failed look-up is tried again after a random time that
// doubles; the code of filters is looked at about every minute, seldomer where there are many.
constexpr seconds first_retry{64};
constexpr std::size_t doublings_max = 8;
constexpr seconds filter_look{60};
constexpr seconds filter_look_max{86'400};
constexpr seconds long_rest{3600};

void increment(std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
}

std::string text_member(const JsonValue& body, std::string_view key) {
    const auto* value = body.find(key);
    return value && value->is_string() ? value->string() : std::string();
}

std::string json_or_null(const std::optional<std::string>& text) {
    return text ? json_string(*text) : "null";
}

std::string member_or_null(const JsonValue& body, std::string_view key) {
    const auto* value = body.find(key);
    return value ? value->dump() : "null";
}

// couch_replicator:info_from_doc/2
std::string last_state_json(std::string_view database, std::string_view id,
                            const JsonValue& body, bool completed) {
    std::string info;
    std::string start = member_or_null(body, "_replication_state_time");
    if (completed) {
        start = "null";
        info = "{";
        if (const auto* stats = body.find("_replication_stats")) {
            for (const auto& [key, value] : stats->members()) {
                if (key == "start_time") {
                    start = value.dump();
                    continue;
                }
                if (info.size() > 1) info += ',';
                info += json_string(key) + ":" + value.dump();
            }
        }
        info += '}';
    } else {
        const auto* reason = body.find("_replication_state_reason");
        info = reason ? "{\"error\":" + reason->dump() + "}" : "null";
    }
    return fmt::format(
        R"({{"database":{},"doc_id":{},"id":null,"source":{},"target":{},"state":"{}",)"
        R"("error_count":{},"info":{},"start_time":{},"last_updated":{}}})",
        json_string(database), json_string(id), json_or_null(shown_address(body.find("source"))),
        json_or_null(shown_address(body.find("target"))), completed ? "completed" : "failed",
        completed ? 0 : 1, info, start, member_or_null(body, "_replication_state_time"));
}

}  // namespace

DocumentJobs::DocumentJobs(DocumentJobsHost host, Scheduler& scheduler)
    : host_(std::move(host)),
      scheduler_(scheduler),
      states_(host_.catalog, host_.clock, host_.pool) {
    scheduler_.on_document_job_end(
        [this](const JobInfo& job, const RunEnd& end) { job_ended(job, end); });
}

DocumentJobs::~DocumentJobs() {
    stop();
}

void DocumentJobs::start() {
    thread_ = std::thread([this] { run(); });
}

void DocumentJobs::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
    states_.finish();
}

void DocumentJobs::note(const std::string& database) {
    if (!holds_replications(database)) return;
    const std::lock_guard lock(mutex_);
    dirty_.insert(database);
    wake_.notify_all();
}

void DocumentJobs::scan() {
    increment(host_.metrics.replication.database_scans);
    for (const auto& name : host_.catalog.names({})) note(name);
}

void DocumentJobs::run() {
    scan();
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        auto dirty = std::exchange(dirty_, {});
        replan_ = false;
        std::vector<Key> due;
        auto next = host_.clock.now() + long_rest;
        for (const auto& [key, row] : rows_) {
            if (!row.next_look) continue;
            if (*row.next_look <= host_.clock.now()) due.push_back(key);
            else next = std::min(next, *row.next_look);
        }
        lock.unlock();
        for (const auto& name : dirty) {
            try {
                catch_up(name);
            } catch (const std::exception& failure) {  // its next change brings it again
                log(LogLevel::error, "replications of " + name + ": " + failure.what());
            }
        }
        for (const auto& key : due) look_up(key);
        lock.lock();
        if (dirty_.empty() && due.empty() && !replan_) {
            const auto rest = next - host_.clock.now();
            wake_.wait_for(lock, rest,
                           [this] { return stopping_ || replan_ || !dirty_.empty(); });
        }
    }
}

void DocumentJobs::catch_up(const std::string& database) {
    const auto opened = host_.catalog.open(database);
    auto followed = followed_.find(database);
    const bool gone = !opened || opened->doomed();
    if (followed != followed_.end() && (gone || followed->second.uuid != opened->entry().uuid)) {
        increment(host_.metrics.replication.databases_deleted);
        remove_database(database);
        followed_.erase(followed);
        followed = followed_.end();
    }
    if (gone) return;
    if (followed == followed_.end()) {
        increment(host_.metrics.replication.databases_found);
        followed = followed_.emplace(database, Followed{opened->entry().uuid, {}}).first;
    }
    const auto view = opened->view();
    storage::ChangesScan scan(view, followed->second.done);
    while (const auto* row = scan.next()) {
        increment(host_.metrics.replication.document_changes);
        if (storage::is_design_id(row->id)) {
            // Not a replication.
        } else if (row->deleted()) {
            remove({database, row->id});
        } else if (const auto found = view->winner(row->id)) {
            change(database, row->id, parse_json(found->body.text()).value());
        }
        followed->second.done = row->sequence;
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
    }
}

void DocumentJobs::change(const std::string& database, const std::string& id,
                          const JsonValue& body) {
    const Key key{database, id};
    const auto state = text_member(body, "_replication_state");
    if (state == "completed" || state == "failed") {
        remove(key);
        return;
    }
    if ((state == "triggered" || state == "error") && !host_.update_docs()) {
        states_.write(key, no_fields());  // Of other servers, or other settings.
    }
    auto parsed = parse_replication(body, host_.rules(), nullptr);
    if (parsed.has_error()) {
        remove(key);
        increment(host_.metrics.replication.failed_documents);
        states_.write(key, failed_fields(parsed.error().reason));
        return;
    }
    parsed->database = database;
    parsed->doc_id = id;
    update(key, std::move(*parsed));
}

void DocumentJobs::update(const Key& key, Replication replication) {
    {
        const std::lock_guard lock(mutex_);
        const auto row = rows_.find(key);
        if (row != rows_.end() && row->second.replication->same_as(replication)) return;
    }
    remove(key);
    {
        const std::lock_guard lock(mutex_);
        Row& row = rows_[key];
        row.replication = std::make_shared<const Replication>(std::move(replication));
        row.start_time = row.last_updated = host_.clock.unix_seconds();
    }
    look_up(key);
}

void DocumentJobs::remove(const Key& key) {
    std::string job;
    {
        const std::lock_guard lock(mutex_);
        const auto row = rows_.find(key);
        if (row == rows_.end()) return;
        job = row->second.job;
        rows_.erase(row);
    }
    const auto running = job.empty() ? nullptr : scheduler_.find(job);
    const bool own = running && running->replication.database == key.first &&
                     running->replication.doc_id == key.second;
    if (own) scheduler_.remove(job);
}

void DocumentJobs::remove_database(const std::string& database) {
    std::vector<Key> keys;
    {
        const std::lock_guard lock(mutex_);
        for (auto row = rows_.lower_bound({database, ""});
             row != rows_.end() && row->first.first == database; ++row) {
            keys.push_back(row->first);
        }
    }
    for (const auto& key : keys) remove(key);
}

void DocumentJobs::look_up(const Key& key) {
    std::shared_ptr<const Replication> replication;
    std::uint64_t attempt = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto row = rows_.find(key);
        if (row == rows_.end() || row->second.attempt != 0) return;
        attempt = row->second.attempt = ++last_attempt_;
        row->second.next_look.reset();
        replication = row->second.replication;
    }
    host_.identify(*replication, [this, key, attempt](Result<JobRequest> found) {
        looked_up(key, attempt, std::move(found));
    });
}

void DocumentJobs::looked_up(const Key& key, std::uint64_t attempt, Result<JobRequest> found) {
    const std::lock_guard lock(mutex_);
    const auto entry = rows_.find(key);
    if (stopping_ || entry == rows_.end() || entry->second.attempt != attempt) return;
    Row& row = entry->second;
    row.attempt = 0;
    row.last_updated = host_.clock.unix_seconds();
    if (found.has_error()) {
        set_back(key, row, found.error().reason);
        return;
    }
    const auto id = found->id.full();
    bool for_good = false;
    if (auto taken = taken_by(key, *found, for_good)) {
        if (!for_good) {
            set_back(key, row, std::move(*taken));
            return;
        }
        increment(host_.metrics.replication.failed_documents);
        states_.write(key, failed_fields(*taken));
        rows_.erase(entry);
        return;
    }
    if (!row.job.empty() && row.job != id) {
        row.info = "Replication id changed: " + row.job + " -> " + id;
        scheduler_.remove(row.job);
    }
    found->start_time = row.start_time;
    scheduled(key, row, id);
    scheduler_.add(std::move(*found));
}

// Whether another replication has this id: of a request, which ends sometime, or of a document.
std::optional<std::string> DocumentJobs::taken_by(const Key& key, const JobRequest& request,
                                                  bool& for_good) const {
    const auto id = request.id.full();
    const auto other = scheduler_.find(id);
    if (!other) return std::nullopt;
    const auto& asked = other->replication;
    if (asked.database == key.first && asked.doc_id == key.second) return std::nullopt;
    for_good = !other->transient();
    const auto begin =
        fmt::format("Replication `{}` specified by document `{}` already ", id, key.second);
    if (other->transient()) {
        return begin + "running as a transient replication, started via `_replicate` API endpoint";
    }
    return fmt::format("{}started, triggered by document `{}` from db `{}`", begin, asked.doc_id,
                       asked.database);
}

// With the lock held.
void DocumentJobs::scheduled(const Key& key, Row& row, const std::string& job) {
    const bool first = row.job != job;
    row.state = Row::State::scheduled;
    row.errors = 0;
    row.job = job;
    if (filter_function(*row.replication)) {
        const auto spread = std::min(seconds(rows_.size() / 5), filter_look_max);
        row.next_look = host_.clock.now() + filter_look + random_up_to(spread);
        replan_ = true;
        wake_.notify_all();
    }
    if (first && host_.update_docs()) states_.write(key, triggered_fields(job));
}

// With the lock held.
void DocumentJobs::set_back(const Key& key, Row& row, std::string reason) {
    if (!row.job.empty()) scheduler_.remove(std::exchange(row.job, {}));
    row.state = Row::State::error;
    ++row.errors;
    row.info = std::move(reason);
    const auto most = first_retry * (1 << std::min(row.errors, doublings_max));
    row.next_look = host_.clock.now() + seconds(1) + random_up_to(most);
    replan_ = true;
    wake_.notify_all();
    if (host_.update_docs()) states_.write(key, error_fields(row.info, ""));
}

std::chrono::seconds DocumentJobs::random_up_to(seconds most) {
    const auto range = static_cast<std::uint64_t>(most.count()) + 1;
    return seconds(static_cast<std::int64_t>(random_u64() % range));
}

// With the lock held. What another job of the document did is no news of this one.
bool DocumentJobs::is_job_of(const Key& key, const JobRequest& request) const {
    const auto row = rows_.find(key);
    return row != rows_.end() && row->second.job == request.id.full();
}

// couch_replicator_scheduler_job:doc_update_triggered/1
void DocumentJobs::job_opened(const JobRequest& request) {
    if (!host_.update_docs()) return;
    const Key key{request.replication.database, request.replication.doc_id};
    const std::lock_guard lock(mutex_);
    if (stopping_ || !is_job_of(key, request)) return;
    states_.write(key, triggered_fields(request.id.full()));
}

void DocumentJobs::job_ended(const JobInfo& job, const RunEnd& end) {
    const auto& asked = job.request->replication;
    const std::lock_guard lock(mutex_);
    const Key key{asked.database, asked.doc_id};
    if (stopping_ || !is_job_of(key, *job.request)) return;
    if (end.kind == RunEnd::Kind::completed) {
        increment(host_.metrics.replication.completed_documents);
        states_.write(key, completed_fields(completed_stats_json(job)));
    } else if (end.kind == RunEnd::Kind::failed && host_.update_docs()) {
        const auto& reason = job.history.events().front().reason;
        states_.write(key, error_fields(reason, job.request->id.full()));
    }
}

std::optional<DocumentJobs::Shown> DocumentJobs::show(std::string_view database,
                                                      std::string_view id, const JsonValue& body,
                                                      std::string_view node) const {
    const auto state = text_member(body, "_replication_state");
    if (state == "completed" || state == "failed") {
        return Shown{state, last_state_json(database, id, body, state == "completed")};
    }
    Row row;
    {
        const std::lock_guard lock(mutex_);
        const auto found = rows_.find({std::string(database), std::string(id)});
        if (found == rows_.end()) return std::nullopt;
        row = found->second;
    }
    const bool has_job = row.state == Row::State::scheduled;
    const auto job = has_job ? scheduler_.job(row.job) : std::nullopt;
    if (job) return Shown{std::string(job->state()), document_job_json(*job, node)};
    // A job that has just completed is not there any more: its document will say so at once.
    const std::string_view shown = has_job                             ? "pending"
                                   : row.state == Row::State::error ? "error"
                                                                       : "initializing";
    return Shown{std::string(shown),
                 fmt::format(R"({{"database":{},"doc_id":{},"id":{},"state":"{}","info":{},)"
                             R"("error_count":{},"node":"{}","last_updated":"{}",)"
                             R"("start_time":"{}"}})",
                             json_string(database), json_string(id),
                             row.job.empty() ? "null" : json_string(row.job), shown,
                             row.info.empty() ? std::string("null")
                                              : "{\"error\":" + json_string(row.info) + "}",
                             row.errors, node, iso_time(row.last_updated),
                             iso_time(row.start_time))};
}

}  // namespace divan::replication
