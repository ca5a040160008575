#include "storage/query/index/indexes.h"

#include <algorithm>

#include "storage/base/log.h"
#include "storage/query/collation.h"

namespace divan::storage {
namespace {

constexpr std::chrono::milliseconds slice{500};

std::int64_t unix_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Error stopping_error() {
    return {Code::maintenance, "The server is stopping.", {}};
}

}  // namespace

IndexTree IndexReading::tree(std::size_t index) const {
    const TreeAddress address{view->database().id(), head.number,
                              static_cast<std::uint32_t>(index)};
    return IndexTree(view->snapshot(), address, head.trees.at(index));
}

Index::Index(std::shared_ptr<Database> database, std::shared_ptr<const IndexDefinition> definition,
             const Executor& executor, const std::atomic<bool>& stopping)
    : database_(std::move(database)),
      definition_(std::move(definition)),
      executor_(executor),
      stopping_(stopping) {}

void Index::when_at(Sequence sequence, Done done) {
    if (stopping_) return done(stopping_error());
    {
        const std::lock_guard lock(mutex_);
        wanted_ = std::max(wanted_, sequence);
        waiters_.push_back({sequence, std::move(done)});
        if (updating_.exchange(true)) return;
    }
    start();
}

void Index::update() {
    if (stopping_) return;
    const auto sequence = database_->state().update_sequence;
    {
        const std::lock_guard lock(mutex_);
        wanted_ = std::max(wanted_, sequence);
        if (updating_.exchange(true)) return;
    }
    start();
}

// By whoever has just set `updating_`.
void Index::start() {
    {
        const std::lock_guard lock(mutex_);
        task_ = {database_->name(), definition_->design, 0, 0, unix_seconds(), unix_seconds()};
    }
    executor_([self = shared_from_this()] { self->step(); });
}

// One slice. Then whoever waits for the pool has a turn, and this goes on behind them.
void Index::step() {
    Result<void> outcome;
    try {
        run_slice();
    } catch (const Refused& refused) {
        outcome = refused.error();
    } catch (const EngineFailure& failure) {
        outcome = Error{failure.code(), failure.what(), {}};
    } catch (const std::exception& failure) {
        log(LogLevel::error, "updating an index of " + database_->name() + ": " + failure.what());
        outcome = Error{Code::internal_error, failure.what(), {}};
    }
    if (!outcome) updater_.reset();
    if (!finish_slice(outcome)) executor_([self = shared_from_this()] { self->step(); });
}

// Tells whoever has waited for this much. True where the update is over.
bool Index::finish_slice(const Result<void>& outcome) {
    std::vector<Waiter> answered;
    bool over = false;
    {
        const std::lock_guard lock(mutex_);
        const auto waits_on = [&](const Waiter& waiter) {
            return updater_ && waiter.sequence > updater_->head().sequence;
        };
        const auto first = std::stable_partition(waiters_.begin(), waiters_.end(), waits_on);
        std::move(first, waiters_.end(), std::back_inserter(answered));
        waiters_.erase(first, waiters_.end());
        over = !updater_ || (waiters_.empty() && updater_->head().sequence >= wanted_);
        if (over) {
            updater_.reset();
            wanted_ = {};
            updating_ = false;
        }
    }
    for (auto& waiter : answered) waiter.done(outcome);
    return over;
}

bool Index::erase() {
    if (updating_.exchange(true)) return false;
    erase_index(*database_, definition_->name());
    const std::lock_guard lock(mutex_);
    // Who came in the meantime found an update under way.
    if (waiters_.empty() && wanted_.value == 0) {
        updating_ = false;
    } else {
        executor_([self = shared_from_this()] { self->step(); });
    }
    return true;
}

void Index::cancel() {
    std::vector<Waiter> cancelled;
    {
        const std::lock_guard lock(mutex_);
        cancelled.swap(waiters_);
    }
    for (auto& waiter : cancelled) waiter.done(stopping_error());
}

void Index::run_slice() {
    if (stopping_) throw Refused(stopping_error());
    if (!updater_) updater_ = std::make_unique<IndexUpdater>(database_, definition_);
    updater_->begin();
    show_progress();
    updater_->run(slice, [this] { return stopping_.load(); });
    show_progress();
}

void Index::show_progress() {
    const std::lock_guard lock(mutex_);
    task_.changes_done = updater_->changes_done();
    task_.changes_total = updater_->changes_total();
    task_.updated_seconds = unix_seconds();
}

std::shared_ptr<const IndexReading> Index::read() const {
    auto reading = std::make_shared<IndexReading>();
    reading->view = database_->view();
    reading->definition = definition_;
    auto head = read_index_head(reading->view->snapshot(), database_->id(), definition_->name());
    const bool usable = head && head->trees.size() == definition_->trees.size() &&
                        head->collator == sort_key_version();
    if (usable) {
        reading->head = std::move(*head);
    } else {
        reading->head.trees.resize(definition_->trees.size());
    }
    return reading;
}

std::size_t Index::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiters_.size();
}

std::optional<IndexTask> Index::task() const {
    if (!updating()) return std::nullopt;
    const std::lock_guard lock(mutex_);
    return task_;
}

// ------------------------------------------------------------------------------------ indexes

std::shared_ptr<Index> Indexes::open(const std::shared_ptr<Database>& database,
                                     std::shared_ptr<const IndexDefinition> definition) {
    const std::lock_guard lock(mutex_);
    const Key key{database->id(), definition->name()};
    const auto found = open_.find(key);
    auto index = found == open_.end() ? nullptr : found->second.lock();
    if (!index) {
        std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
        index = std::make_shared<Index>(database, std::move(definition), executor_, stopping_);
        open_[key] = index;
    }
    return index;
}

void Indexes::clean_up(Database& database, IndexDefinition::Kind kind,
                       const std::set<std::string>& used) {
    for (const auto& name : index_names(database.engine(), database.id())) {
        if (!name.starts_with(static_cast<char>(kind)) || used.contains(name)) continue;
        // Under the lock nobody opens it meanwhile.
        const std::lock_guard lock(mutex_);
        const auto found = open_.find({database.id(), name});
        const auto index = found == open_.end() ? nullptr : found->second.lock();
        if (index) {
            index->erase();
        } else {
            erase_index(database, name);
        }
    }
}

std::vector<std::shared_ptr<Index>> Indexes::in_use() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Index>> indexes;
    for (const auto& [key, known] : open_) {
        if (auto index = known.lock()) indexes.push_back(std::move(index));
    }
    return indexes;
}

std::vector<IndexTask> Indexes::tasks() const {
    std::vector<IndexTask> tasks;
    for (const auto& index : in_use()) {
        if (auto task = index->task()) tasks.push_back(std::move(*task));
    }
    return tasks;
}

void Indexes::stop() {
    stopping_ = true;
    for (const auto& index : in_use()) index->cancel();
}

}  // namespace divan::storage
