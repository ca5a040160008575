#include "auth/challenges.h"

#include <algorithm>

#include "storage/base/random.h"

namespace divan::auth {
namespace {

constexpr std::size_t challenge_bytes = 32;

}  // namespace

void Challenges::erase(Entries::iterator entry) {
    by_challenge_.erase(entry->challenge);
    const auto client = by_client_.find(entry->client);
    client->second.remove(entry);
    if (client->second.empty()) by_client_.erase(client);
    entries_.erase(entry);
}

void Challenges::make_room(const std::string& client) {
    const auto now = clock_.now();
    while (!entries_.empty() &&
           (entries_.size() >= ceremonies_max || entries_.front().expires <= now)) {
        erase(entries_.begin());
    }
    const auto own = by_client_.find(client);
    if (own != by_client_.end() && own->second.size() >= ceremonies_of_client_max) {
        erase(own->second.front());
    }
}

Bytes Challenges::give(Ceremony ceremony, std::string client, std::chrono::seconds lifetime) {
    auto challenge = random_bytes(challenge_bytes);
    const std::lock_guard lock(mutex_);
    make_room(client);
    entries_.push_back(
        {challenge, std::move(ceremony), std::move(client), clock_.now() + lifetime});
    const auto entry = std::prev(entries_.end());
    by_challenge_.emplace(challenge, entry);
    by_client_[entry->client].push_back(entry);
    return challenge;
}

std::optional<Ceremony> Challenges::take(BytesView challenge, Ceremony::Kind kind,
                                         const std::vector<std::string>& clients) {
    const std::lock_guard lock(mutex_);
    const auto found = by_challenge_.find(challenge);
    if (found == by_challenge_.end()) return std::nullopt;
    const auto entry = found->second;
    // Who saw a challenge that is another's cannot end it.
    if (std::find(clients.begin(), clients.end(), entry->client) == clients.end()) {
        return std::nullopt;
    }
    std::optional<Ceremony> ceremony;
    if (entry->ceremony.kind == kind && entry->expires > clock_.now()) {
        ceremony = std::move(entry->ceremony);
    }
    erase(entry);
    return ceremony;
}

std::size_t Challenges::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

}  // namespace divan::auth
