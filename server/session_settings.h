#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "auth/session_rules.h"

namespace divan::server {

class Config;

/// The rules of sessions out of the configuration, read anew when it has changed. Any thread.
class ConfiguredSessions final : public auth::SessionSettings {
public:
    /// `config` outlives this.
    explicit ConfiguredSessions(Config& config);
    ~ConfiguredSessions() override;

    std::shared_ptr<const auth::SessionRules> rules() const override;
    std::shared_ptr<const auth::SessionRules> rules_with_secret() override;

private:
    struct Versioned;

    Config& config_;
    std::mutex secret_mutex_;                                       ///< Only one secret is made up.
    mutable std::atomic<std::shared_ptr<const Versioned>> newest_;  ///< Shared: see `rules`.
};

/// Makes up `[chttpd_auth] secret` where none is set, and keeps it in the writable file. Whoever
/// knows it can sign in as anybody, so there is no default.
void ensure_secret(Config& config);

}  // namespace divan::server
