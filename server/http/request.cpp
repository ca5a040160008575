#include "server/http/request.h"

#include <algorithm>

namespace divan::server {
namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    return -1;
}

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool good_escapes(std::string_view text) {
    for (auto at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
        if (at + 2 >= text.size()) return false;
        if (hex_value(text[at + 1]) < 0 || hex_value(text[at + 2]) < 0) return false;
    }
    return true;
}

// Of text with good escapes only.
std::string decode(std::string_view text, bool plus_is_space = true) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out.push_back(' ');
        } else if (text[i] == '%') {
            out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::string encode(std::string_view text, std::string_view kept, bool plus_for_space) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_alphanumeric(c) || kept.find(c) != std::string_view::npos) {
            out.push_back(c);
        } else if (c == ' ' && plus_for_space) {
            out.push_back('+');
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back(hex_digits[byte >> 4]);
            out.push_back(hex_digits[byte & 15]);
        }
    }
    return out;
}

void split_path(std::string_view path, Request& request) {
    request.raw_path.clear();
    while (!path.empty()) {
        const auto start = path.find_first_not_of('/');
        if (start == std::string_view::npos) break;
        const auto end = std::min(path.find('/', start), path.size());
        const auto segment = path.substr(start, end - start);
        request.raw_path.push_back('/');
        request.raw_path.append(segment);
        request.raw_segments.emplace_back(segment);
        request.segments.push_back(decode(segment));
        path.remove_prefix(end);
    }
    if (!path.empty() || request.raw_path.empty()) request.raw_path.push_back('/');
}

// As mochiweb_util:parse_qs/1, which takes ';' for '&' too.
void split_query(std::string_view query, Request& request) {
    while (!query.empty()) {
        const auto end = std::min(query.find_first_of("&;"), query.size());
        const auto pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        const auto value = equals < pair.size() ? pair.substr(equals + 1) : std::string_view();
        request.query.push_back({decode(pair.substr(0, equals)), decode(value)});
    }
}

}  // namespace

const std::string* Request::header(std::string_view name) const {
    for (const auto& one : headers) {
        if (one.name == name) return &one.value;
    }
    return nullptr;
}

const std::string* Request::parameter(std::string_view name) const {
    for (auto at = query.rbegin(); at != query.rend(); ++at) {
        if (at->name == name) return &at->value;
    }
    return nullptr;
}

std::string_view Request::content_type() const {
    const auto* sent = header("content-type");
    if (sent == nullptr) return {};
    return std::string_view(*sent).substr(0, sent->find(';'));
}

Result<void> parse_target(std::string_view target, Request& request) {
    request.segments.clear();
    request.raw_segments.clear();
    request.query.clear();
    if (!good_escapes(target)) return Error{Code::invalid_url_encoding, {}, {}};

    if (target.empty() || target.front() != '/') {  // "http://host/path", as a proxy is asked
        const auto scheme = target.find("://");
        if (scheme == std::string_view::npos) return Error{Code::bad_request, "invalid_path", {}};
        const auto path = target.find('/', scheme + 3);
        target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
    }
    target = target.substr(0, target.find('#'));
    const auto mark = std::min(target.find('?'), target.size());
    split_path(target.substr(0, mark), request);
    if (mark < target.size()) split_query(target.substr(mark + 1), request);
    return {};
}

void keep_pluses(Request& request) {
    std::transform(request.raw_segments.begin(), request.raw_segments.end(),
                   request.segments.begin(),
                   [](const std::string& segment) { return decode(segment, false); });
}

Result<std::string> url_decode(std::string_view text) {
    if (!good_escapes(text)) return Error{Code::invalid_url_encoding, {}, {}};
    return decode(text);
}

std::string url_quote(std::string_view text) {
    return encode(text, ".-~_", true);
}

std::string url_encode(std::string_view text) {
    return encode(text, "_.-:", false);
}

std::string absolute_uri(const Request& request, std::string_view path) {
    const auto is = [&](std::string_view name, std::string_view wanted) {
        const auto* value = request.header(name);
        return value != nullptr && *value == wanted;
    };
    const bool secure = is("x-forwarded-ssl", "on") || is("x-forwarded-proto", "https") ||
                        request.secure;
    std::string uri = secure ? "https://" : "http://";
    const auto* host = request.header("x-forwarded-host");
    if (host == nullptr) host = request.header("host");
    uri.append(host != nullptr ? std::string_view(*host) : std::string_view(request.local_address));
    uri.append(path);
    return uri;
}

}  // namespace divan::server
