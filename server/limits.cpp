#include "server/limits.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "server/config/config.h"
#include "storage/base/log.h"

namespace divan::server {
namespace {

constexpr std::string_view sign_in_address_default = "300/300";
constexpr std::string_view sign_in_account_default = "100/300";
constexpr std::string_view registration_default = "120/3600";

std::optional<auth::Rate> read_rate(const Config& config, std::string_view key,
                                    std::string_view otherwise) {
    const auto text = config.get("rate_limit", key, otherwise);
    if (text.empty()) return std::nullopt;
    if (auto rate = auth::parse_rate(text)) return rate;
    log(LogLevel::warning, fmt::format("[rate_limit] {}: \"{}\" is not of the form count/seconds; "
                                       "the default holds", key, text));
    return auth::parse_rate(otherwise);
}

std::string_view segment(const Request& request, std::size_t index) {
    return index < request.segments.size() ? std::string_view(request.segments[index])
                                           : std::string_view();
}

bool signs_in(const Request& request) {
    if (request.method != "POST") return false;
    return (segment(request, 0) == "_session" && request.segments.size() == 1) ||
           (segment(request, 0) == "_session" && segment(request, 1) == "refresh") ||
           (segment(request, 0) == "_passkey" &&
            (segment(request, 1) == "signin" || segment(request, 1) == "recover"));
}

bool registers(const Request& request) {
    return request.method == "POST" && segment(request, 0) == "_passkey" &&
           segment(request, 1) == "register";
}

std::string sign_in_key(std::string_view client_address) {
    return "sign in " + auth::address_key(client_address);
}

// Which failures a wrong password adds to.
std::vector<std::pair<std::string, auth::Rate>> buckets_of(const Config& config,
                                                           const PasswordTry& attempt) {
    std::vector<std::pair<std::string, auth::Rate>> buckets;
    if (const auto rate = read_rate(config, "sign_in_account", sign_in_account_default)) {
        buckets.emplace_back(fmt::format("account {}", attempt.name), *rate);
    }
    if (signs_in(attempt.request)) return buckets;
    if (const auto rate = read_rate(config, "sign_in_address", sign_in_address_default)) {
        buckets.emplace_back(sign_in_key(attempt.client_address), *rate);
    }
    return buckets;
}

}  // namespace

Limits::Limits(const Config& config)
    : requests_(read_rate(config, "requests", "")),
      sign_in_(read_rate(config, "sign_in_address", sign_in_address_default)),
      registration_(read_rate(config, "registration_address", registration_default)) {}

std::optional<std::chrono::seconds> Limits::admit(auth::RateLimiter& limiter,
                                                  const Request& request,
                                                  std::string_view client_address) const {
    if (requests_) {
        const auto key = "requests " + auth::address_key(client_address);
        if (const auto wait = limiter.take(key, *requests_)) return wait;
    }
    if (sign_in_ && signs_in(request)) return limiter.wait(sign_in_key(client_address), *sign_in_);
    if (registration_ && registers(request)) {
        return limiter.take("register " + auth::address_key(client_address), *registration_);
    }
    return std::nullopt;
}

void Limits::count_failure(auth::RateLimiter& limiter, const Request& request,
                           const Response& response, std::string_view client_address) const {
    const auto status = response.status;
    const bool failed = status >= 400 && status < 500 && status != 429;
    if (sign_in_ && failed && signs_in(request)) {
        limiter.take(sign_in_key(client_address), *sign_in_);
    }
}

std::optional<std::chrono::seconds> password_wait(auth::RateLimiter& limiter, const Config& config,
                                                  const PasswordTry& attempt) {
    for (const auto& [key, rate] : buckets_of(config, attempt)) {
        if (const auto wait = limiter.wait(key, rate)) return wait;
    }
    return std::nullopt;
}

void count_password_failure(auth::RateLimiter& limiter, const Config& config,
                            const PasswordTry& attempt) {
    for (const auto& [key, rate] : buckets_of(config, attempt)) limiter.take(key, rate);
}

Response too_many_requests(std::chrono::seconds wait) {
    auto response = refusal(Code::too_many_requests,
                            fmt::format("Too many requests. Try again in {} s.", wait.count()));
    response.set("Retry-After", std::to_string(wait.count()));
    return response;
}

}  // namespace divan::server
