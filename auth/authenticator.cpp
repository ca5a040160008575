#include "auth/authenticator.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <chrono>
#include <stdexcept>

#include "auth/password.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

constexpr std::chrono::minutes remembered_for{10};
constexpr std::size_t known_max = 10'000;

Identity server_admin(const std::string& name) {
    return Identity{name, {"_admin"}, "default"};
}

std::string keyed_digest(std::string_view key, std::string_view text) {
    std::string digest(32, '\0');
    unsigned size = 0;
    const auto* done =
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(),
             reinterpret_cast<unsigned char*>(digest.data()), &size);
    if (!done || size != digest.size()) throw std::runtime_error("HMAC failed");
    return digest;
}

}  // namespace

/// Credentials that were right.
struct Authenticator::Known {
    std::string stored;  ///< The admin's stored form then: a new password forgets the old one.
    std::chrono::steady_clock::time_point until;
};

Result<std::optional<Credentials>> parse_basic(const std::string* authorization) {
    constexpr std::string_view scheme = "Basic ";
    if (!authorization || !authorization->starts_with(scheme)) return std::optional<Credentials>();
    const auto decoded = base64_decode(std::string_view(*authorization).substr(scheme.size()));
    if (!decoded) {
        return Error{Code::bad_request, "Authorization header has invalid base64 value", {}};
    }
    const auto colon = decoded->find(':');
    if (colon == std::string::npos || *decoded == "_:_") return std::optional<Credentials>();
    return std::optional(Credentials{decoded->substr(0, colon), decoded->substr(colon + 1)});
}

Authenticator::Authenticator(AdminPassword admin_password, const Clock& clock)
    : admin_password_(std::move(admin_password)),
      clock_(clock),
      key_(random_bytes(32)),
      decoy_(fmt::format("-pbkdf2:sha256-{},{},{}", hex_encode(random_bytes(32)), random_uuid(),
                         default_password_iterations)) {}

Authenticator::~Authenticator() = default;

std::string Authenticator::digest_of(const Credentials& credentials) const {
    return keyed_digest(key_, fmt::format("{}:{}:{}", credentials.name.size(), credentials.name,
                                          credentials.password));
}

std::optional<Identity> Authenticator::remembered(const Credentials& credentials) const {
    const auto stored = admin_password_(credentials.name);
    if (!stored) return std::nullopt;
    const std::string digest = digest_of(credentials);

    const std::lock_guard lock(mutex_);
    const auto found = known_.find(digest);
    if (found == known_.end()) return std::nullopt;
    const bool fresh = found->second.until > clock_.now() && found->second.stored == *stored;
    return fresh ? std::optional(server_admin(credentials.name)) : std::nullopt;
}

Result<Identity> Authenticator::verify(const Credentials& credentials) {
    const auto stored = admin_password_(credentials.name);
    if (password_is_right(credentials, stored)) {
        remember(digest_of(credentials), *stored);
        return server_admin(credentials.name);
    }
    return Error{Code::unauthorized, "Name or password is incorrect.", {}};
}

bool Authenticator::password_is_right(const Credentials& credentials,
                                      const std::optional<std::string>& stored) {
    std::string form;
    {
        const std::lock_guard lock(mutex_);
        if (stored && is_hashed(*stored)) decoy_ = *stored;
        form = stored ? *stored : decoy_;
    }
    // One thread hashes, the others with the same question wait for its answer.
    const std::string question = digest_of(credentials) + (stored ? *stored : std::string());
    std::promise<bool> answer;
    std::shared_future<bool> pending;
    {
        const std::lock_guard lock(mutex_);
        const auto found = under_way_.find(question);
        if (found != under_way_.end()) {
            pending = found->second;
        } else {
            under_way_.emplace(question, answer.get_future().share());
        }
    }
    if (pending.valid()) return pending.get();

    bool right = false;
    try {
        right = verify_admin_password(form, credentials.password) && stored.has_value();
        answer.set_value(right);
    } catch (...) {
        answer.set_exception(std::current_exception());
        const std::lock_guard lock(mutex_);
        under_way_.erase(question);
        throw;
    }
    const std::lock_guard lock(mutex_);
    under_way_.erase(question);
    return right;
}

void Authenticator::remember(const std::string& digest, std::string stored) {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.now();
    if (known_.size() >= known_max) {
        std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; });
        if (known_.size() >= known_max) known_.clear();
    }
    known_.insert_or_assign(digest, Known{std::move(stored), now + remembered_for});
}

}  // namespace divan::auth
