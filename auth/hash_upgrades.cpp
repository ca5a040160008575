#include "auth/hash_upgrades.h"

#include <fmt/format.h>

#include "storage/base/json.h"
#include "storage/base/log.h"
#include "storage/database/read_view.h"

namespace divan::auth {
namespace {

/// The edit that gives the document another body and leaves its attachments.
storage::Edit edit_of(std::string id, const storage::WinnerDocument& stored,
                      std::string_view body) {
    auto document = storage::parse_client_document(body).value();
    storage::Edit edit;
    edit.id = std::move(id);
    edit.parent = stored.head.winner;
    edit.body = std::move(document.body);
    edit.term = std::move(document.term);
    for (const auto& attachment : stored.body.attachments()) {
        storage::EditAttachment stub;
        stub.stub = true;
        stub.stored = attachment;
        edit.attachments.push_back(std::move(stub));
    }
    return edit;
}

}  // namespace

HashUpgrades::HashUpgrades(storage::Catalog& catalog, ReadSetting setting, Accounts& accounts,
                           Post post)
    : catalog_(catalog),
      setting_(std::move(setting)),
      accounts_(accounts),
      post_(std::move(post)) {}

void HashUpgrades::ask(const Credentials& credentials, const PasswordHash& seen) {
    {
        const std::lock_guard lock(mutex_);
        if (!under_way_.insert(credentials.name).second) return;
    }
    post_([this, credentials, seen] {
        try {
            upgrade(credentials, seen);
        } catch (const std::exception& failure) {  // the user is in; the next sign-in tries again
            log(LogLevel::warning, fmt::format("hashing the password of {} anew: {}",
                                               json_string(credentials.name), failure.what()));
        }
        const std::lock_guard lock(mutex_);
        under_way_.erase(credentials.name);
    });
}

void HashUpgrades::upgrade(const Credentials& credentials, const PasswordHash& seen) {
    const auto database = catalog_.open(users_database(setting_));
    if (!database) return;
    const std::string id = std::string(user_id_prefix) + credentials.name;
    const auto stored = storage::read_winner(*database, id);
    if (!stored || stored->head.deleted) return;
    const auto document = parse_json(stored->body.text()).value();
    if (read_user_password(document) != seen) return;

    const auto hash =
        hash_password(credentials.password, password_policy(setting_), seen.salt).value();
    std::vector<storage::Edit> edits;
    edits.push_back(edit_of(id, *stored, with_password(document, hash)));
    const auto outcomes = database->writer().write(std::move(edits)).value();
    // A conflict: the document was changed meanwhile, and its hash may be another one.
    if (outcomes.front().has_value()) accounts_.rehashed(credentials, hash);
}

}  // namespace divan::auth
