#include "storage/base/json.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "storage/base/json_normaliser.h"
#include "storage/base/json_number.h"
#include "storage/base/json_string.h"

namespace divan {
namespace {

// A tree is built, printed and destroyed by recursion.
constexpr int tree_depth_max = 2'000;

bool needs_escape(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && !needs_escape(text[plain])) ++plain;
        out.append(text.substr(0, plain));
        if (plain == text.size()) break;
        std::array<char, json_escaped_bytes_max> escaped;
        char* end = write_json_escaped(escaped.data(), text[plain]);
        out.append(escaped.data(), end);
        text.remove_prefix(plain + 1);
    }
    out.push_back('"');
}

void append_json_double(std::string& out, double value) {
    std::array<char, json_double_bytes_max> bytes;
    char* end = write_json_double(bytes.data(), value);
    out.append(bytes.data(), end);
}

void append_json_strings(std::string& out, std::span<const std::string> texts) {
    out += '[';
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (i > 0) out += ',';
        append_json_string(out, texts[i]);
    }
    out += ']';
}

std::string json_string(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 2);
    append_json_string(out, text);
    return out;
}

std::optional<std::int64_t> JsonValue::integer() const {
    if (!is_number()) return std::nullopt;
    std::int64_t value = 0;
    const char* end = text_.data() + text_.size();
    const auto read = std::from_chars(text_.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return value;
}

std::optional<double> JsonValue::number() const {
    if (!is_number()) return std::nullopt;
    return std::strtod(text_.c_str(), nullptr);
}

const JsonValue* JsonValue::find(std::string_view key) const {
    for (const auto& [name, value] : members_) {
        if (name == key) return &value;
    }
    return nullptr;
}

std::string JsonValue::dump() const {
    std::string out;
    dump_to(out);
    return out;
}

void JsonValue::dump_to(std::string& out) const {
    bool first = true;
    const auto separate = [&] {
        if (!first) out.push_back(',');
        first = false;
    };
    switch (kind_) {
        case Kind::null: out += "null"; return;
        case Kind::boolean: out += boolean_ ? "true" : "false"; return;
        case Kind::number: out += text_; return;
        case Kind::string: append_json_string(out, text_); return;
        case Kind::array:
            out.push_back('[');
            for (const auto& item : items_) {
                separate();
                item.dump_to(out);
            }
            out.push_back(']');
            return;
        case Kind::object:
            out.push_back('{');
            for (const auto& [name, value] : members_) {
                separate();
                append_json_string(out, name);
                out.push_back(':');
                value.dump_to(out);
            }
            out.push_back('}');
            return;
    }
}

/// Builds a tree from normalised text: no white space, no repeated key, nothing wrong.
class JsonTreeBuilder {
public:
    explicit JsonTreeBuilder(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

    /// False where it nests too deeply.
    bool read(JsonValue& out, int depth = 0) {
        if (depth > tree_depth_max) return false;
        switch (*at_) {
            case '{': return read_object(out, depth);
            case '[': return read_array(out, depth);
            case '"':
                out.kind_ = JsonValue::Kind::string;
                out.text_ = read_string();
                return true;
            case 't':
            case 'f':
                out.kind_ = JsonValue::Kind::boolean;
                out.boolean_ = *at_ == 't';
                at_ += out.boolean_ ? 4 : 5;
                return true;
            case 'n': at_ += 4; return true;
            default: break;
        }
        const char* begin = at_;
        while (at_ != end_ && *at_ != ',' && *at_ != ']' && *at_ != '}') ++at_;
        out.kind_ = JsonValue::Kind::number;
        out.text_.assign(begin, at_);
        return true;
    }

private:
    bool read_array(JsonValue& out, int depth) {
        out.kind_ = JsonValue::Kind::array;
        for (++at_; *at_ != ']';) {
            if (!read(out.items_.emplace_back(), depth + 1)) return false;
            if (*at_ == ',') ++at_;
        }
        ++at_;
        return true;
    }

    bool read_object(JsonValue& out, int depth) {
        out.kind_ = JsonValue::Kind::object;
        for (++at_; *at_ != '}';) {
            auto& member = out.members_.emplace_back(read_string(), JsonValue());
            ++at_;  // The colon.
            if (!read(member.second, depth + 1)) return false;
            if (*at_ == ',') ++at_;
        }
        ++at_;
        return true;
    }

    std::string read_string() {
        std::string out;
        for (++at_; *at_ != '"';) {
            const char* begin = at_;
            while (*at_ != '"' && *at_ != '\\') ++at_;
            out.append(begin, at_);
            if (*at_ == '"') break;
            int code = 0;
            DIVAN_CHECK(read_json_escape(++at_, end_, code));
            std::array<char, 4> utf8;
            out.append(utf8.data(), write_utf8(utf8.data(), code));
        }
        ++at_;
        return out;
    }

    const char* at_;
    const char* end_;
};

Result<JsonValue> parse_json(std::string_view text) {
    auto& normaliser = JsonNormaliser::of_this_thread();
    std::string normalised;
    const bool good = normaliser.load(text) && normaliser.value() && normaliser.at_end();
    if (good) normaliser.append_live_text(normalised);
    normaliser.unload();
    JsonValue value;
    if (!good || !JsonTreeBuilder(normalised).read(value)) {
        return Error{Code::bad_request, "invalid UTF-8 JSON", {}};
    }
    return value;
}

}  // namespace divan
