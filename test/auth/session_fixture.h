#pragma once

#include "auth/sessions.h"
#include "auth/tokens.h"
#include "storage/engine/memory_engine.h"
#include "test/auth/fixture.h"

namespace divan::auth {

/// Rules that a test changes as it goes; a made-up secret is "made up".
class TestSessionSettings final : public SessionSettings {
public:
    TestSessionSettings() { set("chttpd_auth/secret", "first secret"); }

    void set(const std::string& name, std::string value) {
        settings_.set(name, std::move(value));
        rules_ = std::make_shared<const SessionRules>(settings_.reader());
    }
    std::shared_ptr<const SessionRules> rules() const override { return rules_; }
    std::shared_ptr<const SessionRules> rules_with_secret() override {
        if (rules_->secrets.empty()) set("chttpd_auth/secret", "made up");
        return rules_;
    }

private:
    TestSettings settings_;
    std::shared_ptr<const SessionRules> rules_;
};

/// Sessions on a memory engine, with "ann" and "bob" as accounts.
struct SessionsFixture {
    SessionsFixture() {
        for (const auto* name : {"ann", "bob"}) {
            Account account;
            account.name = name;
            account.roles = {"reader"};
            account.salt = std::string(name) + "'s salt";
            account.stamp = "first";
            known[name] = account;
        }
        open();
    }

    /// As after a restart: what is not on the disk is gone.
    void reopen() {
        tokens.reset();
        sessions.reset();
        open();
    }
    void open() {
        sessions = std::make_unique<Sessions>(
            store, settings,
            [this](std::string_view name) {
                const auto found = known.find(name);
                return found == known.end() ? std::nullopt : std::optional(found->second);
            },
            clock);
        tokens = std::make_unique<Tokens>(*sessions, store, settings, clock);
    }
    Started start(const std::string& name, SessionKind kind = SessionKind::password) {
        return sessions->start(known.at(name), kind, "192.0.2.1", "a browser");
    }
    /// Whose cookie it is; empty where it is good for nothing.
    std::string resumed(std::string_view cookie) {
        const auto session = sessions->resume(cookie).value();
        return session ? session->account.name : std::string();
    }

    std::unique_ptr<storage::Engine> engine = storage::make_memory_engine();
    SystemStore store{*engine};
    TestSessionSettings settings;
    TestClock clock;
    std::map<std::string, Account, std::less<>> known;
    std::unique_ptr<Sessions> sessions;
    std::unique_ptr<Tokens> tokens;
};

}  // namespace divan::auth
