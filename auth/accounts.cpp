#include "auth/accounts.h"

#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "storage/database/read_view.h"

namespace divan::auth {
namespace {

constexpr std::size_t users_cached_max = 10'000;
constexpr std::size_t admins_cached_max = 1'000;
constexpr const char* wrong_credentials = "Name or password is incorrect.";

std::vector<std::string> user_roles(const JsonValue& document) {
    std::vector<std::string> roles;
    const JsonValue* listed = document.find("roles");
    if (!listed) return roles;
    for (const JsonValue& role : listed->items()) {
        const bool counts = role.is_string() &&
                            (!role.string().starts_with('_') || role.string() == "_metrics");
        if (counts) roles.push_back(role.string());
    }
    return roles;
}

bool is_conflicted(storage::Database& database, std::string_view id) {
    const auto record = database.view()->record(id);
    if (!record) return false;
    int alive = 0;
    for (const auto leaf : record->tree.leaves()) {
        if (!record->tree.node(leaf).deleted) ++alive;
    }
    return alive > 1;
}

}  // namespace

/// What a user document says.
struct Accounts::User {
    std::vector<std::string> roles;
    PasswordHash password;
    std::optional<OneTimeCodes> second_factor;
    bool conflicted = false;
};

/// A user document as it was at a commit of its database.
struct Accounts::Cached {
    DatabaseId database;
    std::uint64_t commits = 0;
    Sequence sequence;
    std::shared_ptr<const User> user;  ///< Null: there was none.
};

/// What `[admins]` says of a name.
struct Accounts::Admin {
    std::string setting;
    PasswordHash password;
    std::string stamp;
};

/// All that is known of a name.
struct Accounts::Known {
    std::optional<Account> account;
    PasswordHash password;
    bool from_document = false;  ///< The password is the document's.
    bool conflicted = false;     ///< Nobody may use the account.
};

Accounts::Accounts(storage::Catalog& catalog, ReadSetting setting, const Clock& clock)
    : catalog_(catalog),
      setting_(std::move(setting)),
      clock_(clock),
      lockout_(setting_, clock),
      passwords_(setting_, clock),
      users_(users_cached_max),
      admins_(admins_cached_max),
      codes_spent_(users_cached_max) {}

Accounts::~Accounts() = default;

bool Accounts::may_use_conflicted() const {
    return read_bool(setting_, "chttpd_auth", "allow_conflicted_user_docs", false);
}

// A cached document is right as long as nothing was committed to its database, and beyond that as
// long as its own sequence is the same.
std::shared_ptr<const Accounts::User> Accounts::read_user(std::string_view name,
                                                          bool expected_absent) const {
    if (name.empty()) return nullptr;
    const auto database = catalog_.open(users_database(setting_));
    if (!database) return nullptr;
    const std::uint64_t commits = database->state().commits;
    std::optional<Cached> cached;
    {
        const std::lock_guard lock(mutex_);
        if (const auto* found = users_.find(name)) cached = *found;
    }
    const bool same_database = cached && cached->database == database->id();
    if (same_database && cached->commits == commits) return cached->user;

    const std::string id = std::string(user_id_prefix) + std::string(name);
    const auto stored = storage::read_winner(*database, id);
    const bool there = stored && !stored->head.deleted;
    const bool unchanged = there && same_database && cached->user &&
                           cached->sequence == stored->head.sequence;
    Cached fresh{database->id(), commits, {}, nullptr};
    if (unchanged) {
        fresh.sequence = cached->sequence;
        fresh.user = cached->user;
    } else if (there) {
        const auto document = parse_json(stored->body.text()).value();
        auto user = std::make_shared<User>();
        user->roles = user_roles(document);
        user->password = read_user_password(document);
        if (const auto* totp = document.find("totp")) {
            user->second_factor = read_one_time_codes(*totp);
        }
        user->conflicted = stored->head.several_leaves && is_conflicted(*database, id);
        fresh.sequence = stored->head.sequence;
        fresh.user = std::move(user);
    }
    const std::lock_guard lock(mutex_);
    if (there || expected_absent) {
        users_.put(name, fresh);
    } else {
        users_.erase(name);
    }
    return fresh.user;
}

std::shared_ptr<const Accounts::Admin> Accounts::read_admin(std::string_view name) const {
    auto setting = setting_("admins", name);
    if (!setting) return nullptr;
    {
        const std::lock_guard lock(mutex_);
        const auto* found = admins_.find(name);
        if (found != nullptr && (*found)->setting == *setting) return *found;
    }
    auto admin = std::make_shared<Admin>();
    admin->password = parse_admin_password(*setting);
    admin->stamp = hex_encode(sha256("admin:" + *setting));
    admin->setting = *std::move(setting);
    const std::lock_guard lock(mutex_);
    admins_.put(name, admin);
    return admin;
}

Accounts::Known Accounts::known(std::string_view name) const {
    const auto admin = read_admin(name);
    const auto user = read_user(name, admin != nullptr);
    Known known;
    if (!admin && !user) return known;

    auto& account = known.account.emplace();
    account.name = name;
    if (admin) {
        known.password = admin->password;
        account.roles.emplace_back("_admin");
        account.stamp = admin->stamp;
    }
    if (user) {
        account.roles.insert(account.roles.end(), user->roles.begin(), user->roles.end());
        account.second_factor = admin ? std::nullopt : user->second_factor;
        known.conflicted = user->conflicted && !may_use_conflicted();
        if (!admin) {
            known.password = user->password;
            known.from_document = true;
            account.stamp = hex_encode(sha256("user:" + user->password.salt));
        }
    }
    account.salt = known.password.salt;
    account.has_password = known.password.scheme != PasswordHash::Scheme::none;
    return known;
}

const Error& wrong_code() {
    // Named, so that it is told apart; the name is the one that it would have anyway.
    static const Error error{Code::unauthorized, wrong_credentials, "unauthorized"};
    return error;
}

std::optional<Account> Accounts::find(std::string_view name) const {
    auto found = known(name);
    if (found.conflicted) return std::nullopt;
    return std::move(found.account);
}

std::optional<Account> Accounts::remembered(const Credentials& credentials,
                                            std::string_view client_address) const {
    auto found = known(credentials.name);
    if (!found.account || found.conflicted || found.account->second_factor) return std::nullopt;
    if (!passwords_.remembered(credentials, found.password)) return std::nullopt;
    if (lockout_.closed(client_address, credentials.name, found.account->salt)) {
        return std::nullopt;
    }
    return std::move(found.account);
}

Result<Account> Accounts::verify(const Credentials& credentials,
                                 std::string_view client_address) {
    auto found = known(credentials.name);
    const std::string salt = found.account ? found.account->salt : std::string();
    if (found.account && !found.from_document) {
        passwords_.expect_iterations(found.password.iterations);
    }
    if (lockout_.closed(client_address, credentials.name, salt)) {
        return Error{Code::forbidden,
                     "Account is temporarily locked due to multiple authentication failures", {}};
    }
    const auto computable = check_computable(found.password, setting_);
    if (computable.has_error()) return computable.error();
    const auto right = is_theirs(credentials, found);
    if (right != Right::yes) {
        lockout_.count_failure(client_address, credentials.name, salt);
        if (right == Right::password_alone) return wrong_code();
        return Error{Code::unauthorized, wrong_credentials, {}};
    }
    if (found.conflicted) {
        return Error{Code::unauthorized,
                     "User document conflicts must be resolved before the document is used for "
                     "authentication purposes.", {}};
    }
    report_outdated(credentials, found);
    return std::move(*found.account);
}

Accounts::Right Accounts::is_theirs(const Credentials& credentials, const Known& known) {
    const bool two_factors = known.account && known.account->second_factor;
    if (!two_factors) {
        if (passwords_.remembered(credentials, known.password)) return Right::yes;
        const bool right = passwords_.right(credentials, known.password);
        if (right) passwords_.remember(credentials, known.password);
        return right ? Right::yes : Right::no;
    }
    // Nothing is remembered here, and both are always looked at: time must not tell which of the
    // two was right.
    if (!credentials.code) {
        passwords_.right(credentials, PasswordHash());
        return Right::no;
    }
    const bool password_right = passwords_.right(credentials, known.password);
    const auto step = step_of_code(*known.account->second_factor, *credentials.code,
                                   clock_.unix_seconds());
    if (!password_right) return Right::no;
    return step && spend_code(credentials.name, *step) ? Right::yes : Right::password_alone;
}

// RFC 6238 section 5.2: a code is good once, so that whoever saw it typed cannot use it too.
bool Accounts::spend_code(std::string_view name, std::int64_t step) {
    const std::lock_guard lock(mutex_);
    const auto* last = codes_spent_.find(name);
    if (last != nullptr && step <= *last) return false;
    codes_spent_.put(name, step);
    return true;
}

// couch_password_hasher:needs_upgrade/1.
void Accounts::report_outdated(const Credentials& credentials, const Known& known) const {
    if (!on_outdated_hash_ || !known.from_document) return;
    if (!read_bool(setting_, "chttpd_auth", "upgrade_hash_on_auth", true)) return;
    const auto policy = password_policy(setting_);
    const auto& hash = known.password;
    const bool current =
        policy.scheme == "simple"
            ? hash.scheme == PasswordHash::Scheme::simple
            : hash.scheme == PasswordHash::Scheme::pbkdf2 && hash.prf == policy.prf &&
                  hash.iterations == policy.iterations;
    if (!current) on_outdated_hash_(credentials, hash);
}

}  // namespace divan::auth
