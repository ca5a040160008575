#include "server/security_headers.h"

#include <algorithm>

#include "server/config/config.h"
#include "server/config/setting_list.h"

namespace divan::server {

SecurityHeaders::SecurityHeaders(const Config& config)
    : no_sniffing_(config.get_bool("security_headers", "nosniff", true)),
      frame_options_(config.get_bool("chttpd", "enable_xframe_options",
                                     config.get_bool("httpd", "enable_xframe_options", false))),
      frames_of_same_origin_(config.get("x_frame_options", "same_origin", "false") == "true"),
      frame_hosts_(setting_list(config.get("x_frame_options", "hosts"))),
      transport_security_(config.get("security_headers", "strict_transport_security")) {}

void SecurityHeaders::complete(const Request& request, Response& response) const {
    if (no_sniffing_) response.set("X-Content-Type-Options", "nosniff");
    if (request.secure && !transport_security_.empty()) {
        response.add("Strict-Transport-Security", transport_security_);
    }
    if (frame_options_ && response.header("X-Frame-Options") == nullptr) {
        response.add("X-Frame-Options", frame_options(request));
    }
}

std::string SecurityHeaders::frame_options(const Request& request) const {
    if (frames_of_same_origin_) return "SAMEORIGIN";
    if (request.header("host") == nullptr && request.header("x-forwarded-host") == nullptr) {
        return "DENY";
    }
    const auto host = absolute_uri(request, "");
    const auto end = frame_hosts_.end();
    const bool all = frame_hosts_.size() == 1 && frame_hosts_.front() == "*";
    const bool known = all || std::find(frame_hosts_.begin(), end, host) != end;
    return known ? "ALLOW-FROM " + host : "DENY";
}

}  // namespace divan::server
