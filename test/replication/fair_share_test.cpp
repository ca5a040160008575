#include "replication/fair_share.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace divan::replication {
namespace {

using std::chrono::seconds;

/// Jobs of several owners of which some run, and take turns: what each owner gets of the time.
struct Machine {
    struct Job {
        std::string id;
        std::string owner;
        bool runs = false;
    };
    FairShare share;
    FairShareSettings settings;
    std::map<std::string, double> shares;
    std::vector<Job> jobs;
    std::map<std::string, double> minutes;

    Machine() {
        settings.shares = [this](const std::string& owner) {
            const auto found = shares.find(owner);
            return found == shares.end() ? 100 : found->second;
        };
    }
    void add(const std::string& owner, int running, int waiting) {
        for (int i = 0; i < running + waiting; ++i) {
            jobs.push_back({owner + std::to_string(i), owner, i < running});
            share.add(jobs.back().id, owner, settings);
        }
    }
    void interval(std::ptrdiff_t turns) {
        std::vector<Job*> on, off;
        for (auto& job : jobs) (job.runs ? on : off).push_back(&job);
        for (const auto* job : on) {
            share.charge(job->id, seconds(60));
            minutes[job->owner] += 1;
        }
        share.end_interval(settings);
        for (const auto* job : on) share.ran(job->id, settings);
        const auto sooner = [this](const Job* a, const Job* b) {
            return share.priority(a->id) < share.priority(b->id);
        };
        std::stable_sort(on.rbegin(), on.rend(), sooner);
        std::stable_sort(off.begin(), off.end(), sooner);
        for (std::ptrdiff_t i = 0; i < turns; ++i) {
            on[static_cast<std::size_t>(i)]->runs = false;
            off[static_cast<std::size_t>(i)]->runs = true;
        }
    }
    /// Percent of all running time.
    double part(const std::string& owner) const {
        double all = 0;
        for (const auto& [name, time] : minutes) all += time;
        return std::round(100 * minutes.at(owner) / all);
    }
};

}  // namespace

TEST_CASE("fair share: jobs that run get behind those that wait, and come back in time") {
    FairShare share;
    const FairShareSettings settings;
    share.add("a", "db", settings);
    CHECK(share.priority("a") == 0);
    CHECK(share.priority("nobody") == 0);
    share.charge("a", seconds(60));
    CHECK(share.priority("a") == 0);
    share.end_interval(settings);
    share.ran("a", settings);
    CHECK(share.priority("a") == 60e6 / (100 * 100));
    double before = share.priority("a");
    for (int i = 0; i < 500; ++i) {
        share.end_interval(settings);
        CHECK(share.priority("a") <= before);
        before = share.priority("a");
    }
    CHECK(before == 0);
}

TEST_CASE("fair share: a database that used much has it held against its new jobs") {
    FairShare share;
    FairShareSettings settings;
    share.add("a", "db", settings);
    share.charge("a", seconds(60));
    share.remove("a");  // Deleted and made anew: that does not help.
    share.end_interval(settings);
    share.add("a", "db", settings);
    share.add("b", "other", settings);
    CHECK(share.priority("a") == 6000);
    CHECK(share.priority("b") == 0);
    share.remove("a");
    settings.usage_coefficient = 0;
    share.end_interval(settings);
    share.add("a", "db", settings);
    CHECK(share.priority("a") == 0);
}

TEST_CASE("fair share: coefficients and shares out of bounds") {
    FairShare share;
    FairShareSettings settings;
    const auto used = [&](double shares) {
        settings.shares = [shares](const std::string&) { return shares; };
        share = FairShare();
        share.add("a", "db", settings);
        share.charge("a", seconds(60));
        share.end_interval(settings);
        share.ran("a", settings);
        return share.priority("a");
    };
    CHECK(used(0) == 60e6);
    CHECK(used(1e9) == 60);
    settings.priority_coefficient = 7;
    share.end_interval(settings);
    CHECK(share.priority("a") == 60);
    settings.priority_coefficient = -1;
    share.end_interval(settings);
    CHECK(share.priority("a") == 0);
}

// The cases and figures of couch_replicator_share's own tests, with 10 turns an interval.
TEST_CASE("fair share: databases get time by their shares, however many jobs they have") {
    struct Owner {
        double shares;
        int waiting;
        double percent;
    };
    const std::vector<std::vector<Owner>> cases = {
        {{100, 75, 50}, {100, 75, 50}},
        {{900, 75, 90}, {100, 75, 10}},
        {{100, 25, 50}, {100, 125, 50}},
        {{1, 25, 1}, {100, 125, 99}},
        {{100, 75, 33}, {100, 75, 33}, {100, 75, 33}},
        {{100, 75, 10}, {700, 75, 70}, {200, 75, 20}},
        {{100, 25, 33}, {100, 100, 33}, {100, 75, 33}},
        {{1000, 100, 88}, {100, 125, 10}, {1, 875, 3}},
    };
    for (std::size_t at = 0; at < cases.size(); ++at) {
        CAPTURE(at);
        Machine machine;
        for (std::size_t i = 0; i < cases[at].size(); ++i) {
            const auto& owner = cases[at][i];
            machine.shares["db" + std::to_string(i)] = owner.shares;
            machine.add("db" + std::to_string(i), 25, owner.waiting);
        }
        for (int i = 0; i < 1000; ++i) machine.interval(10);
        for (std::size_t i = 0; i < cases[at].size(); ++i) {
            CAPTURE(i);
            const auto part = machine.part("db" + std::to_string(i));
            CHECK(part >= cases[at][i].percent - 1);
            CHECK(part <= cases[at][i].percent + 1);
        }
    }
}

}  // namespace divan::replication
