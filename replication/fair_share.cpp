#include "replication/fair_share.h"

#include <algorithm>
#include <cmath>

namespace divan::replication {
namespace {

constexpr double shares_usual = 100;
constexpr double shares_least = 1;
constexpr double shares_most = 1000;

double decayed(double value, double coefficient) {
    return std::trunc(value * std::clamp(coefficient, 0.0, 1.0));
}

}  // namespace

void FairShare::add(const std::string& job, const std::string& owner,
                    const FairShareSettings& settings) {
    remove(job);
    ++owners_[owner].jobs;
    raise(jobs_[job] = {owner, 0}, settings);  // Who uses much does not get a new job in first.
}

void FairShare::remove(std::string_view job) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return;
    --owners_[found->second.owner].jobs;
    jobs_.erase(found);
}

void FairShare::charge(std::string_view job, Time ran) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return;
    owners_[found->second.owner].charges += static_cast<double>(std::max(ran.count(), {}));
}

void FairShare::end_interval(const FairShareSettings& settings) {
    for (auto at = owners_.begin(); at != owners_.end();) {
        auto& owner = at->second;
        owner.usage = decayed(owner.usage, settings.usage_coefficient) + owner.charges;
        owner.charges = 0;
        if (owner.jobs == 0 && owner.usage == 0) at = owners_.erase(at);
        else ++at;
    }
    for (auto& [id, job] : jobs_) {
        job.priority = decayed(job.priority, settings.priority_coefficient);
    }
}

void FairShare::ran(std::string_view job, const FairShareSettings& settings) {
    const auto found = jobs_.find(job);
    if (found != jobs_.end()) raise(found->second, settings);
}

void FairShare::raise(Job& job, const FairShareSettings& settings) {
    const auto& owner = owners_[job.owner];
    const auto given = settings.shares ? settings.shares(job.owner) : shares_usual;
    const auto shares = std::clamp(given, shares_least, shares_most);
    job.priority += std::trunc(owner.usage * static_cast<double>(owner.jobs) / (shares * shares));
}

double FairShare::priority(std::string_view job) const {
    const auto found = jobs_.find(job);
    return found == jobs_.end() ? 0 : found->second.priority;
}

}  // namespace divan::replication
