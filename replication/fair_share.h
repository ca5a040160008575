#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace divan::replication {

/// `[replicator.shares]` and the coefficients of `[replicator]`.
struct FairShareSettings {
    /// Shares of a database of replication documents, 1 to 1000; empty: 100 for all.
    std::function<double(const std::string& owner)> shares = {};
    double usage_coefficient = 0.5;      ///< `usage_coeff`: what an interval leaves of the usage.
    double priority_coefficient = 0.98;  ///< `priority_coeff`: the same of priorities.
};

/// Whose jobs run next where not all can run: Kay's and Lauder's "fair share" as CouchDB does it
/// (couch_replicator_share). An owner is the database of replication documents that a job comes
/// from, or the user who asked for a transient one. Owners are charged for the time that their jobs
/// run. At the end of an interval each job that ran gets a higher priority value (it runs later
/// next time): by what its owner used lately, times the owner's jobs, by the square of its shares.
/// All values decay, so that nobody waits forever.
///
/// One thread at a time.
class FairShare {
public:
    using Time = std::chrono::microseconds;

    void add(const std::string& job, const std::string& owner, const FairShareSettings& settings);
    void remove(std::string_view job);
    /// A job ran for so long since it was started, or since the last interval ended.
    void charge(std::string_view job, Time ran);
    /// After all jobs that run were charged: their usage counts, everything decays.
    void end_interval(const FairShareSettings& settings);
    /// Then for each of the jobs that run.
    void ran(std::string_view job, const FairShareSettings& settings);

    /// The lower, the sooner it runs; 0 for what is not known.
    double priority(std::string_view job) const;

private:
    struct Job {
        std::string owner;
        double priority = 0;
    };
    struct Owner {
        std::size_t jobs = 0;
        double usage = 0;    ///< Microseconds.
        double charges = 0;  ///< Of this interval, microseconds.
    };

    void raise(Job& job, const FairShareSettings& settings);

    std::map<std::string, Job, std::less<>> jobs_;
    std::map<std::string, Owner> owners_;  ///< Stays while usage does: leaving does not clear it.
};

}  // namespace divan::replication
