#include "auth/audit_line.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "storage/base/utf8.h"

namespace divan::auth {
namespace {

constexpr std::size_t name_bytes_max = 256;
constexpr std::size_t text_bytes_max = 1024;
constexpr std::size_t hash_digits = 64;

// Cut before a character, never within one.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
    if (text.size() <= bytes_max) return text;
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    return text.substr(0, end);
}

// Headers and paths are bytes of anybody: what is not ASCII counts only where all is UTF-8.
std::string printable(std::string_view text) {
    std::string result(text);
    if (is_utf8(text)) return result;
    for (char& c : result) {
        if (static_cast<unsigned char>(c) >= 0x80U) c = '?';
    }
    return result;
}

void append_text(std::string& out, std::string_view key, std::string_view value,
                 std::size_t bytes_max) {
    if (value.empty()) return;
    out += fmt::format(",\"{}\":", key);
    append_json_string(out, printable(cut(value, bytes_max)));
}

bool is_hash(std::string_view text) {
    const auto hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() == hash_digits && std::all_of(text.begin(), text.end(), hex);
}

}  // namespace

std::string make_audit_line(const AuditEvent& event, std::int64_t unix_seconds, AuditHead& head) {
    const auto time = fmt::gmtime(static_cast<std::time_t>(unix_seconds));
    std::string line = fmt::format("{{\"number\":{},\"time\":\"{:%Y-%m-%dT%H:%M:%SZ}\"",
                                   head.number + 1, time);
    append_text(line, "event", event.event, name_bytes_max);
    line += event.ok ? ",\"ok\":true" : ",\"ok\":false";
    append_text(line, "user", event.user, name_bytes_max);
    append_text(line, "actor", event.actor, name_bytes_max);
    append_text(line, "address", event.address, name_bytes_max);
    append_text(line, "agent", event.agent, name_bytes_max);
    append_text(line, "action", event.action, name_bytes_max);
    append_text(line, "resource", event.resource, text_bytes_max);
    if (event.status != 0) line += fmt::format(",\"status\":{}", event.status);
    append_text(line, "detail", event.detail, text_bytes_max);
    line += fmt::format(",\"previous\":\"{}\"}}", head.hash);
    head = {head.number + 1, audit_hash(line)};
    return line;
}

std::string audit_hash(std::string_view line) {
    return hex_encode(sha256(line));
}

std::optional<AuditLink> read_audit_link(std::string_view line) {
    const auto value = parse_json(line);
    if (!value || !value->is_object()) return std::nullopt;
    const auto* number = value->find("number");
    const auto* previous = value->find("previous");
    if (number == nullptr || previous == nullptr || !previous->is_string()) return std::nullopt;
    const auto count = number->integer();
    if (!count || *count < 1 || !is_hash(previous->string())) return std::nullopt;
    return AuditLink{static_cast<std::uint64_t>(*count), previous->string()};
}

}  // namespace divan::auth
