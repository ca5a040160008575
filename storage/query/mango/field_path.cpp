#include "storage/query/mango/field_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "storage/query/erlang_text.h"

namespace divan::storage::mango {
namespace {

/// Erlang's binary_to_integer/1.
std::optional<std::int64_t> array_index(std::string_view text) {
    if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
    std::int64_t index = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, index);
    if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
    return index;
}

}  // namespace

/// Members by name, or a part's text.
struct DocumentBuilder::Branch {
    std::vector<std::pair<std::string, std::unique_ptr<Branch>>> members;
    std::optional<std::string_view> text;

    Branch& member(const std::string& name) {
        const auto at = std::find_if(members.begin(), members.end(),
                                     [&](const auto& member) { return member.first == name; });
        if (at != members.end()) return *at->second;
        members.emplace_back(name, std::make_unique<Branch>());
        return *members.back().second;
    }

    /// A part's text as members, so that others can be added. False where it is no object.
    bool open() {
        if (!text) return true;
        JsonText object(*text);
        if (object.kind() != JsonText::Kind::object) return false;
        text.reset();
        JsonMembers parts(object);
        std::string scratch;
        while (parts.next()) {
            member(std::string(parts.key().string(scratch))).text = parts.value().raw();
        }
        return true;
    }

    void append_to(std::string& out) const {
        if (text) {
            out += *text;
            return;
        }
        out.push_back('{');
        bool first = true;
        for (const auto& [name, branch] : members) {
            if (!first) out.push_back(',');
            first = false;
            append_json_string(out, name);
            out.push_back(':');
            branch->append_to(out);
        }
        out.push_back('}');
    }
};

DocumentBuilder::DocumentBuilder() : root_(std::make_unique<Branch>()) {}
DocumentBuilder::~DocumentBuilder() = default;

void DocumentBuilder::set(const FieldPath& path, std::string_view text) {
    Branch* at = root_.get();
    for (const auto& name : path) {
        if (!at->open()) return;
        at = &at->member(name);
    }
    at->members.clear();
    at->text = text;
}

void DocumentBuilder::append_to(std::string& out) const {
    root_->append_to(out);
}

std::string DocumentBuilder::text() const {
    std::string out;
    append_to(out);
    return out;
}

Result<FieldPath> parse_field(std::string_view field) {
    FieldPath path(1);
    for (std::size_t at = 0; at < field.size(); ++at) {
        if (field[at] == '\\') {
            if (at + 1 < field.size() && field[at + 1] == '.') path.back().push_back(field[++at]);
        } else if (field[at] == '.') {
            path.emplace_back();
        } else {
            path.back().push_back(field[at]);
        }
    }
    if (std::any_of(path.begin(), path.end(), [](const auto& part) { return part.empty(); })) {
        return Error{Code::bad_request, fmt::format("Invalid field name: {}", field),
                     "invalid_field_name"};
    }
    return path;
}

std::string join_field(const FieldPath& path) {
    return fmt::format("{}", fmt::join(path, "."));
}

FoundField find_field(const JsonText& value, const FieldPath& path) {
    JsonText at = value;
    for (const auto& name : path) {
        std::optional<JsonText> found;
        if (at.kind() == JsonText::Kind::object) {
            found = at.member(name);
            if (!found) return {FoundField::Kind::not_found, {}};
        } else {
            const auto index = array_index(name);
            if (index && *index >= 0) found = at.item(static_cast<std::size_t>(*index));
            if (!found) return {FoundField::Kind::bad_path, {}};
        }
        at = *found;
    }
    return {FoundField::Kind::found, at};
}

Result<FieldList> FieldList::parse(const JsonValue& fields) {
    if (!fields.is_array()) {
        return Error{Code::bad_request,
                     fmt::format("Fields must be an array of strings, not: {}", erlang_w(fields)),
                     "invalid_fields"};
    }
    FieldList list;
    for (const auto& field : fields.items()) {
        if (!field.is_string()) {
            return Error{Code::bad_request,
                         fmt::format("Invalid JSON for field spec: {}", erlang_w(field)),
                         "invalid_field"};
        }
        auto path = parse_field(field.string());
        if (!path) return path.error();
        list.paths_.push_back(std::move(*path));
        list.names_.push_back(field.string());
    }
    return list;
}

void FieldList::extract(std::string_view document, std::string& out) const {
    if (all()) {
        out += document;
        return;
    }
    const JsonText whole(document);
    DocumentBuilder picked;
    for (const auto& path : paths_) {
        const auto field = find_field(whole, path);
        if (field.value) picked.set(path, field.value->raw());
    }
    picked.append_to(out);
}

}  // namespace divan::storage::mango
