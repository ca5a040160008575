#include "tools/import/live/iam_tokens.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "replication/http/client.h"
#include "replication/http/headers.h"
#include "replication/url.h"
#include "storage/base/json.h"

namespace divan::import {
namespace {

using replication::PeerFailure;

constexpr std::size_t answer_bytes_max = 1U << 20;
constexpr std::int64_t seconds_by_default = 3600;
constexpr std::int64_t seconds_max = 24 * 3600;
// A new one is asked for when so much of its time is left: of an hour a quarter.
constexpr std::int64_t reserve_share = 4;

// The "token" operation of IBM Cloud's Identity and Access Management.
class IamTokens final : public replication::TokenSource {
public:
    IamTokens(std::string url, std::string api_key, replication::HttpClients& clients)
        : api_key_(std::move(api_key)), clients_(clients) {
        const auto slash = url.find_last_of('/');
        path_ = url.substr(slash + 1);
        settings_.url = url.substr(0, slash + 1);
    }

    Task<std::string> token() override {
        const bool due = std::chrono::steady_clock::now() >= until_;
        // Whoever asks meanwhile takes the old one, where that is still good.
        if (token_.empty() || (due && !renewing_)) co_await renew();
        co_return token_;
    }

    void accepted(const std::string& token) override {
        if (token == token_) accepted_ = true;
    }

    bool refused(const std::string& token) override {
        if (token != token_) return true;
        // One that was never taken is refused for other reasons than its age.
        if (!accepted_) return false;
        token_.clear();
        return true;
    }

private:
    Task<void> renew() {
        renewing_ = true;
        replication::HttpRequest request;
        request.method = "POST";
        request.path = path_;
        request.headers = {{"content-type", "application/x-www-form-urlencoded"},
                           {"accept", "application/json"}};
        request.body = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=" +
                       replication::percent_encode(api_key_);
        replication::HttpClient client(settings_, clients_);
        try {
            const auto reply = co_await client.exchange(request, answer_bytes_max);
            take(reply);
        } catch (...) {
            renewing_ = false;
            throw;
        }
        renewing_ = false;
    }

    void take(const replication::HttpReply& reply) {
        const auto json = parse_json(reply.body);
        const auto* token = json ? json->find("access_token") : nullptr;
        if (reply.status != 200 || !token || !token->is_string() || token->string().empty()) {
            throw PeerFailure(PeerFailure::Kind::unauthorized, "iam",
                              fmt::format("IAM gave no token for the key: {}", reply.status),
                              reply.status);
        }
        if (token->string().find_first_of("\r\n") != std::string::npos) {
            throw PeerFailure(PeerFailure::Kind::malformed, "iam", "IAM's token is none", 200);
        }
        const auto* expires = json->find("expires_in");
        const auto told = expires ? expires->integer().value_or(seconds_by_default)
                                  : seconds_by_default;
        const auto seconds = std::clamp<std::int64_t>(told, 0, seconds_max);
        token_ = token->string();
        accepted_ = false;
        until_ = std::chrono::steady_clock::now() +
                 std::chrono::seconds(seconds - seconds / reserve_share);
    }

    const std::string api_key_;
    replication::HttpClients& clients_;
    replication::HttpPeerSettings settings_;
    std::string path_;
    std::string token_;
    std::chrono::steady_clock::time_point until_{};
    bool accepted_ = false;
    bool renewing_ = false;
};

}  // namespace

std::shared_ptr<replication::TokenSource> make_iam_tokens(std::string url, std::string api_key,
                                                          replication::HttpClients& clients) {
    return std::make_shared<IamTokens>(std::move(url), std::move(api_key), clients);
}

}  // namespace divan::import
