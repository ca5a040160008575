#pragma once

#include <string>
#include <vector>

#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

class Config;

/// The headers that tell browsers to be careful, as the configuration has them at one moment.
/// Immutable: any thread.
class SecurityHeaders {
public:
    explicit SecurityHeaders(const Config& config);

    /// X-Content-Type-Options; Strict-Transport-Security where the connection is encrypted;
    /// X-Frame-Options where it is switched on, unless the answer has one.
    ///
    /// CouchDB: chttpd_xframe_options:header/3.
    void complete(const Request& request, Response& response) const;

private:
    std::string frame_options(const Request& request) const;

    bool no_sniffing_;
    bool frame_options_;
    bool frames_of_same_origin_;
    std::vector<std::string> frame_hosts_;
    std::string transport_security_;
};

}  // namespace divan::server
