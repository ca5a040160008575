#include "server/http/response.h"

#include <algorithm>

namespace divan::server {
namespace {

bool same_name(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

void Response::set(std::string_view name, std::string value) {
    std::erase_if(headers, [&](const Header& one) { return same_name(one.name, name); });
    add(name, std::move(value));
}

void Response::add(std::string_view name, std::string value) {
    headers.push_back({std::string(name), std::move(value)});
}

const std::string* Response::header(std::string_view name) const {
    for (const auto& one : headers) {
        if (same_name(one.name, name)) return &one.value;
    }
    return nullptr;
}

Response json_response(int status, std::string body) {
    Response response;
    response.status = status;
    response.headers.reserve(4);
    response.add("Content-Type", "application/json");
    response.add("Cache-Control", "must-revalidate");
    response.body = std::move(body);
    return response;
}

Response ok_response(int status) {
    return json_response(status, "{\"ok\":true}\n");
}

}  // namespace divan::server
