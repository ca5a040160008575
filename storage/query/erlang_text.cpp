#include "storage/query/erlang_text.h"

#include <algorithm>

namespace divan::storage {
namespace {

using Kind = JsonValue::Kind;

bool readable(std::string_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 32 && byte < 127) || byte >= 160 || (byte >= 8 && byte <= 13) || byte == 27;
    });
}

void append_quoted(std::string& out, std::string_view bytes) {
    constexpr std::string_view plain = "\b\t\n\v\f\r\x1b\"\\";
    constexpr std::string_view escape = "btnvfre\"\\";
    out.push_back('"');
    for (const char c : bytes) {
        const auto at = plain.find(c);
        if (at != std::string_view::npos) {
            out.push_back('\\');
            out.push_back(escape[at]);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('"');
}

void append_numbers(std::string& out, std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i > 0) out.push_back(',');
        out += std::to_string(static_cast<unsigned char>(bytes[i]));
    }
}

void append_binary(std::string& out, std::string_view bytes, bool pretty) {
    out += "<<";
    if (pretty && !bytes.empty() && readable(bytes)) {
        append_quoted(out, bytes);
    } else {
        append_numbers(out, bytes);
    }
    out += ">>";
}

void append(std::string& out, const JsonValue& value, bool pretty);

void append_members(std::string& out, const JsonValue& object, bool pretty) {
    out += "{[";
    bool first = true;
    for (const auto& [name, value] : object.members()) {
        out += first ? "{" : ",{";
        first = false;
        append_binary(out, name, pretty);
        out.push_back(',');
        append(out, value, pretty);
        out.push_back('}');
    }
    out += "]}";
}

void append(std::string& out, const JsonValue& value, bool pretty) {
    switch (value.kind()) {
        case Kind::null: out += "null"; break;
        case Kind::boolean: out += value.boolean() ? "true" : "false"; break;
        case Kind::number: out += value.string(); break;
        case Kind::string: append_binary(out, value.string(), pretty); break;
        case Kind::object: append_members(out, value, pretty); break;
        case Kind::array: {
            bool first = true;
            out.push_back('[');
            for (const auto& item : value.items()) {
                if (!first) out.push_back(',');
                first = false;
                append(out, item, pretty);
            }
            out.push_back(']');
        }
    }
}

}  // namespace

std::string erlang_w(const JsonValue& value) {
    std::string out;
    append(out, value, false);
    return out;
}

std::string erlang_p(const JsonValue& value) {
    std::string out;
    append(out, value, true);
    return out;
}

std::string erlang_p_list(std::string_view bytes) {
    std::string out;
    if (!bytes.empty() && readable(bytes)) {
        append_quoted(out, bytes);
    } else {
        out.push_back('[');
        append_numbers(out, bytes);
        out.push_back(']');
    }
    return out;
}

}  // namespace divan::storage
