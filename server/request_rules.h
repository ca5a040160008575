#pragma once

#include <optional>
#include <string>

#include "server/http/request.h"
#include "server/http/response.h"

namespace divan::server {

class Config;

/// What `[chttpd]` says about reading requests and wording answers, as the configuration has it at
/// one moment. Immutable: any thread.
class RequestRules {
public:
    explicit RequestRules(const Config& config);

    /// Puts what a proxy says in headers of the names in `x_forwarded_host`, `_proto` and `_ssl`
    /// under the usual names. What came under those is nobody's word then.
    void take_forwarded(Request& request) const;
    /// `decode_plus_to_space`: where it is false a '+' in a path stands for itself.
    void decode_path(Request& request) const;
    /// `validate_host`: 400 of a host that is none of `valid_hosts`.
    Result<void> check_host(const Request& request) const;
    /// 414 of an address longer than `max_uri_length`.
    std::optional<Response> check_length(const Request& request) const;
    /// `Prefer: return=minimal`: only the headers that `prefer_minimal` names.
    void minimize(const Request& request, Response& response) const;

private:
    struct Renamed {
        std::string from;  ///< Lower case.
        std::string_view to;
    };

    std::vector<Renamed> forwarded_;
    std::vector<std::string> minimal_;
    std::optional<std::vector<std::string>> valid_hosts_;
    std::uint64_t target_bytes_max_;
    bool plus_is_space_;
};

}  // namespace divan::server
