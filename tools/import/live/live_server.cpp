#include "tools/import/live/live_server.h"

#include <fmt/format.h>

#include "replication/http/headers.h"
#include "replication/url.h"
#include "tools/import/live/iam_tokens.h"

namespace divan::import {
namespace {

using replication::PeerFailure;

constexpr std::size_t answer_bytes_max = 1U << 30;

PeerFailure refusal(const std::string& method, const std::string& path, int status,
                    const JsonValue& json) {
    const auto text = [&](const char* name) {
        const auto* value = json.find(name);
        return value && value->is_string() ? value->string() : std::string();
    };
    const auto kind = status == 401   ? PeerFailure::Kind::unauthorized
                      : status == 403 ? PeerFailure::Kind::forbidden
                      : status == 404 ? PeerFailure::Kind::not_found
                                      : PeerFailure::Kind::rejected;
    return {kind, text("error"),
            fmt::format("{} {}: {} {} {}", method, path, status, text("error"), text("reason")),
            status};
}

// Whoever gave the pointers waits for the answer.
Task<replication::HttpReply> exchange(replication::HttpClient* client,
                                      const replication::HttpRequest* request) {
    auto reply = co_await client->exchange(*request, answer_bytes_max);
    co_return reply;
}

bool is_database(const JsonValue& root) {
    return root.find("db_name") != nullptr;
}

}  // namespace

bool is_url(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://");
}

std::string path_part(std::string_view name) {
    return replication::percent_encode(name);
}

LiveServer::LiveServer(LiveAccess access)
    : access_(std::move(access)), loop_([&] {
          replication::HttpClientSettings settings;
          settings.verify_certificates = access_.verify_certificates;
          return settings;
      }()) {
    base_url_ = access_.url;
    if (!base_url_.ends_with('/')) base_url_.push_back('/');
    if (!access_.iam_api_key.empty()) {
        tokens_ = make_iam_tokens(access_.iam_url, access_.iam_api_key, loop_.clients());
    }
    make_client();
    try {
        find_database();
    } catch (...) {
        loop_.run_here([&] { client_.reset(); });
        throw;
    }
}

LiveServer::~LiveServer() {
    loop_.run_here([&] { client_.reset(); });
}

replication::HttpPeerSettings LiveServer::settings(const std::string& url) {
    replication::HttpPeerSettings settings;
    settings.url = url;
    settings.headers = access_.headers;
    settings.tokens = tokens_;
    settings.keep_packed = true;
    return settings;
}

void LiveServer::make_client() {
    loop_.run_here([&] {
        client_ = std::make_unique<replication::HttpClient>(settings(base_url_), loop_.clients());
    });
}

// The URL may be a database's: then what stands before its last part is the server.
void LiveServer::find_database() {
    address_ = client_->name();
    const auto root = require("GET", "");
    if (!is_database(root)) return look_at_greeting(root);
    only_database_ = root.find("db_name")->string();
    const auto end = base_url_.find_last_of('/', base_url_.size() - 2);
    base_url_.resize(end + 1);
    make_client();
    address_ = client_->name();
    const auto greeting = ask("GET", "");
    look_at_greeting(greeting.json);
}

void LiveServer::look_at_greeting(const JsonValue& greeting) {
    const auto* version = greeting.find("version");
    secures_databases_ = greeting.find("couchdb") && version && version->is_string() &&
                         version->string() >= "3";
}

LiveServer::Reply LiveServer::reply(const std::string& method, const std::string& path,
                                    const std::string& query, const std::string& body) {
    replication::HttpRequest request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.headers = {{"accept", "application/json"}};
    if (!body.empty()) request.headers.push_back({"content-type", "application/json"});
    request.body = body;
    const auto reply =
        loop_.run<replication::HttpReply>([&] { return exchange(client_.get(), &request); });
    auto json = parse_json(reply.body);
    Reply result{reply.status, json ? std::move(*json) : JsonValue()};
    const bool unread = result.good() && result.json.is_null() && method != "HEAD";
    if (unread) {
        throw PeerFailure(PeerFailure::Kind::malformed, "malformed_answer",
                          method + " " + path + ": the answer is no JSON", reply.status);
    }
    return result;
}

LiveServer::Reply LiveServer::ask(const std::string& method, const std::string& path,
                                  const std::string& query, const std::string& body) {
    auto result = reply(method, path, query, body);
    if (result.status == 401 || result.status == 403) {
        throw refusal(method, path, result.status, result.json);
    }
    return result;
}

std::optional<JsonValue> LiveServer::find(const std::string& path, const std::string& query) {
    auto reply = ask("GET", path, query);
    if (reply.status == 404) return std::nullopt;
    if (!reply.good()) throw refusal("GET", path, reply.status, reply.json);
    return std::move(reply.json);
}

JsonValue LiveServer::require(const std::string& method, const std::string& path,
                              const std::string& query, const std::string& body) {
    auto reply = ask(method, path, query, body);
    if (!reply.good()) throw refusal(method, path, reply.status, reply.json);
    return std::move(reply.json);
}

std::unique_ptr<replication::Peer> LiveServer::make_peer(const std::string& database) {
    std::unique_ptr<replication::Peer> peer;
    loop_.run_here([&] {
        peer = replication::make_http_peer(settings(base_url_ + path_part(database)),
                                           loop_.clients());
    });
    return peer;
}

}  // namespace divan::import
