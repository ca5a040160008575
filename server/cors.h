#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

class Config;

/// What one host lets the pages of other origins do: `[cors:HOST]`, and `[cors]` for what that
/// leaves open.
struct CorsPolicy {
    std::vector<std::string> origins;  ///< "*" is every one; others compare byte for byte.
    std::vector<std::string> methods;
    std::vector<std::string> request_headers;  ///< Lower case.
    std::vector<std::string> exposed_headers;
    std::string max_age;                       ///< As it was set.
    bool credentials = false;

    bool allows(std::string_view origin) const;
};

/// The rules for requests that web pages of other origins make (Fetch standard, CORS protocol), as
/// the configuration has them at one moment. Immutable: any thread.
class Cors {
public:
    /// `[chttpd] enable_cors` or its older name `[httpd] enable_cors`, `[cors]`, `[cors:HOST]`.
    explicit Cors(const Config& config);

    /// The answer to a preflight. Empty where the request is none, or asks for what is not allowed:
    /// CouchDB then treats it as any other OPTIONS request.
    ///
    /// CouchDB: chttpd_cors:maybe_handle_preflight_request/2.
    std::optional<Response> preflight(const Request& request) const;

    /// Adds to any other answer what lets the page read it, where its origin is allowed.
    ///
    /// CouchDB: chttpd_cors:headers/4.
    void complete(const Request& request, Response& response) const;

    /// Whether pages of `origin` may read answers, as anybody.
    bool allows(const Request& request, std::string_view origin) const;
    /// Whether pages of `origin` may act with the cookies of whoever looks at them.
    bool allows_credentials(const Request& request, std::string_view origin) const;

private:
    const CorsPolicy& policy(const Request& request) const;

    bool enabled_;
    CorsPolicy common_;
    std::map<std::string, CorsPolicy, std::less<>> of_hosts_;
};

}  // namespace divan::server
