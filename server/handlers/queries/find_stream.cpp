#include "server/handlers/queries/find_stream.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "server/config/config.h"
#include "server/handlers/errand.h"
#include "server/handlers/queries/index_read.h"
#include "server/services.h"
#include "storage/query/mango/find.h"
#include "storage/query/mango/index_cache.h"
#include "storage/query/view/views.h"

namespace divan::server {
namespace {

using storage::mango::Find;
using storage::mango::FindAnswer;
using storage::mango::FindOptions;
using storage::mango::Matches;
using storage::mango::MatchSource;
using storage::mango::OpenIndex;
using storage::mango::Plan;
using storage::mango::PlanFor;

/// One query on its way: where matches come from, and what is written of them.
class FindRun {
public:
    FindRun(Find find, FindAnswer answer) : find_(std::move(find)), answer_(std::move(answer)) {}

    bool done() const { return done_; }

    /// The first step, and then those that only look out for a further match.
    void begin(std::string& out) {
        source_ = find_.next_source();
        while (source_) {
            const auto matches = source_->step(answer_.limits());
            if (matches.exhausted) source_ = find_.next_source();
            if (!take(matches, out)) return;
            if (source_ && !answer_.satisfied()) return;
        }
        finish(out);
    }

    /// The source whose turn it is; null at the end.
    std::shared_ptr<MatchSource> next_source() {
        return source_ ? std::exchange(source_, nullptr) : find_.next_source();
    }
    storage::mango::StepLimits limits() const { return answer_.limits(); }

    /// False where the answer is complete.
    bool take(const Matches& matches, std::string& out) {
        if (answer_.take(matches, out)) return true;
        finish(out);
        return false;
    }

    void finish(std::string& out) {
        const std::chrono::duration<double, std::milli> elapsed =
            std::chrono::steady_clock::now() - started_;
        answer_.finish(elapsed.count(), out);
        done_ = true;
    }

private:
    Find find_;
    FindAnswer answer_;
    std::shared_ptr<MatchSource> source_;  ///< Of the first step, where it has more.
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
    bool done_ = false;
};

class FindSource final : public ChunkSource {
public:
    FindSource(WorkPool& pool, std::unique_ptr<FindRun> run, std::string first)
        : pool_(pool), run_(std::move(run)), first_(std::move(first)) {}

    Task<bool> next(std::string& out) override {
        out.clear();
        if (!first_.empty()) {
            out.swap(first_);
            co_return true;
        }
        if (run_->done()) co_return false;
        while (out.empty()) {
            keep_busy();
            if (steps_.empty()) {
                run_->finish(out);
                break;
            }
            const auto matches = co_await *steps_.front().errand;
            steps_.front().errand.reset();
            if (matches.exhausted) steps_.pop_front();
            if (!run_->take(matches, out)) break;
        }
        co_return true;
    }

private:
    struct Step {
        std::shared_ptr<MatchSource> source;
        std::optional<Errand<Matches>> errand;
    };

    /// Walks as many pieces at a time as there are processors. Those ahead wait when they have
    /// found what a step may hold, so memory stays flat.
    void keep_busy() {
        const auto width = std::max(2U, std::thread::hardware_concurrency());
        while (steps_.size() < width) {
            auto source = run_->next_source();
            if (!source) break;
            steps_.push_back({std::move(source), std::nullopt});
        }
        for (auto& step : steps_) {
            if (step.errand) continue;
            step.errand.emplace(pool_, [source = step.source, limits = run_->limits()] {
                return source->step(limits);
            });
        }
    }

    WorkPool& pool_;
    std::unique_ptr<FindRun> run_;
    std::string first_;
    std::deque<Step> steps_;
};

/// The index that a plan means, as fresh as the query wants it.
Task<OpenIndex> open_index(Call& call, const Plan& plan, const FindOptions& options) {
    const auto views = call.services.views.open(call.database, plan.index->design);
    const bool as_it_is = !options.update || options.stale;
    OpenIndex index;
    index.tree = views.group->view(plan.index->name).tree;
    index.reading = co_await read_index(views.index, call.db().state(),
                                        as_it_is ? RowQuery::Update::no : RowQuery::Update::yes);
    co_return index;
}

}  // namespace

Task<Response> answer_find(Call& call, const FindOptions& options) {
    auto& services = call.services;
    const auto ratio = std::max<std::int64_t>(
        0, services.config.get_integer("mango", "index_scan_warning_threshold", 10));
    auto view = call.db().view();
    auto indexes = services.mango_indexes->known(*view);
    if (!indexes) {
        co_await services.on_storage([&] { indexes = services.mango_indexes->of(*view); });
    }
    const auto plan =
        make_plan(std::move(indexes), options, call.db().entry().partitioned, PlanFor::find);
    OpenIndex index;
    const bool by_index = !plan.index->all_docs() && !plan.nothing;
    if (by_index) index = co_await open_index(call, plan, options);

    std::unique_ptr<FindRun> run;
    std::string first;
    co_await services.on_storage([&] {
        run = std::make_unique<FindRun>(
            by_index ? Find(std::move(index), plan, options) : Find(view, plan, options),
            FindAnswer(plan, options, static_cast<std::uint64_t>(ratio)));
        run->begin(first);
    });
    if (run->done()) co_return json_response(200, std::move(first));
    auto response = json_response(200, {});
    response.source = std::make_unique<FindSource>(services.pool, std::move(run), std::move(first));
    co_return response;
}

}  // namespace divan::server
