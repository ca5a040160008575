#include "server/password_sign_in.h"

#include <fmt/format.h>

#include "server/audit_event.h"
#include "server/limits.h"

namespace divan::server {
namespace {

void record(const Call& call, const auth::Credentials& credentials, bool ok,
            std::string_view detail) {
    auto event = audit_event(call, "sign_in");
    event.user = credentials.name;
    event.ok = ok;
    event.detail = detail;
    call.services.audit.record(std::move(event));
}

}  // namespace

Task<Result<auth::Account>> sign_in_by_password(Call& call, const auth::Credentials& credentials,
                                                std::string_view way) {
    auto& services = call.services;
    const PasswordTry attempt{call.request, call.client_address, credentials.name};
    if (const auto wait = password_wait(services.limiter, services.config, attempt)) {
        call.retry_after = *wait;
        record(call, credentials, false, "too many failures");
        co_return Error{Code::too_many_requests,
                        fmt::format("Too many requests. Try again in {} s.", wait->count()),
                        {}};
    }
    auto account = co_await services.on_storage(
        [&] { return services.accounts.verify(credentials, call.client_address); });
    if (account.has_error()) {
        count_password_failure(services.limiter, services.config, attempt);
        record(call, credentials, false, account.error().reason);
        co_return account.error();
    }
    record(call, credentials, true, way);
    co_return std::move(account);
}

}  // namespace divan::server
