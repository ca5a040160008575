#include "storage/query/erlang_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

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

// io_lib_format:insert_decimal/3: whichever of "123.0" and "1.23e2" is shorter.
void append_placed(std::string& out, std::string_view digits, int place, bool exact) {
    const auto size = static_cast<int>(digits.size());
    const auto exponent = std::to_string(place - 1);
    const int exponent_cost = static_cast<int>(exponent.size()) + (size == 1 ? 3 : 2);
    const auto zeros = [](int count) { return std::string(static_cast<std::size_t>(count), '0'); };
    if (place <= 0 && 2 - place <= exponent_cost) {
        out.append("0.").append(zeros(-place)).append(digits);
    } else if (place > 0 && place < size) {
        const auto whole = static_cast<std::size_t>(place);
        out.append(digits.substr(0, whole)).append(".").append(digits.substr(whole));
    } else if (place >= size && place - size + 2 <= exponent_cost && exact) {
        out.append(digits).append(zeros(place - size)).append(".0");
    } else {
        const auto fraction = size == 1 ? std::string_view("0") : digits.substr(1);
        out.append(digits.substr(0, 1)).append(".").append(fraction).append("e").append(exponent);
    }
}

void append_number(std::string& out, const std::string& text) {
    constexpr double integers_exact_below = 9007199254740992.0;
    const double value = std::strtod(text.c_str(), nullptr);
    if (text.find_first_of(".eE") == std::string::npos || !std::isfinite(value)) {
        out += text;
        return;
    }
    std::array<char, 32> written{};
    const auto end = std::to_chars(written.data(), written.data() + written.size(),
                                   std::fabs(value), std::chars_format::scientific)
                         .ptr;
    const std::string_view shortest(written.data(), static_cast<std::size_t>(end - written.data()));
    const auto mark = shortest.find('e');
    std::string digits;
    for (const char c : shortest.substr(0, mark)) {
        if (c != '.') digits.push_back(c);
    }
    const int exponent = std::atoi(shortest.substr(mark + 1).data());
    if (std::signbit(value)) out.push_back('-');
    if (value == 0) {
        out += "0.0";
    } else {
        append_placed(out, digits, exponent + 1, std::fabs(value) < integers_exact_below);
    }
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
        case Kind::number: append_number(out, value.string()); break;
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
