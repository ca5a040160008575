#include "storage/query/mango/definition_name.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "storage/base/digest.h"
#include "storage/base/erlang_term.h"

namespace divan::storage::mango {
namespace {

/// Appends Erlang's external terms; see erlang_term.h.
class TermText {
public:
    void tag(TermTag tag) { text_.push_back(static_cast<char>(tag)); }
    void header(TermTag tag, std::size_t count) {
        std::array<char, term_header_bytes> bytes;
        write_term_header(bytes.data(), tag, count);
        text_.append(bytes.data(), bytes.size());
    }
    void atom(std::string_view name) {
        tag(TermTag::atom);
        text_.push_back('\0');
        text_.push_back(static_cast<char>(name.size()));
        text_ += name;
    }
    void binary(std::string_view bytes) {
        header(TermTag::binary, bytes.size());
        text_ += bytes;
    }
    void tuple(std::uint8_t size) {
        tag(TermTag::tuple);
        text_.push_back(static_cast<char>(size));
    }
    void integer(std::int64_t value) {
        std::array<char, term_integer_bytes_max> bytes;
        const char* const end = write_term_integer(bytes.data(), value);
        text_.append(bytes.data(), static_cast<std::size_t>(end - bytes.data()));
    }
    void value(const JsonValue& value);

    std::string take() && { return std::move(text_); }

private:
    void number(const JsonValue& value);
    void list(std::span<const JsonValue> items);

    std::string text_{static_cast<char>(term_version)};
};

void TermText::number(const JsonValue& value) {
    if (const auto whole = value.integer()) {
        integer(*whole);
        return;
    }
    if (value.string().find_first_of(".e") == std::string::npos) {
        binary(value.string());  // Beyond 64 bits: any name serves, as long as it is one.
        return;
    }
    std::array<char, term_double_bytes> bytes;
    write_term_double(bytes.data(), value.number().value_or(0));
    text_.append(bytes.data(), bytes.size());
}

void TermText::list(std::span<const JsonValue> items) {
    const bool bytes = !items.empty() && items.size() <= 0xFFFF &&
                       std::all_of(items.begin(), items.end(), [](const JsonValue& item) {
                           const auto whole = item.integer();
                           return whole && *whole >= 0 && *whole <= 255;
                       });
    if (bytes) {
        tag(TermTag::bytes_list);
        text_.push_back(static_cast<char>(items.size() >> 8));
        text_.push_back(static_cast<char>(items.size()));
        for (const auto& item : items) text_.push_back(static_cast<char>(*item.integer()));
        return;
    }
    if (!items.empty()) header(TermTag::list, items.size());
    for (const auto& item : items) value(item);
    tag(TermTag::nil);
}

void TermText::value(const JsonValue& value) {
    switch (value.kind()) {
        case JsonValue::Kind::null:
            return atom("null");
        case JsonValue::Kind::boolean:
            return atom(value.boolean() ? "true" : "false");
        case JsonValue::Kind::number:
            return number(value);
        case JsonValue::Kind::string:
            return binary(value.string());
        case JsonValue::Kind::array:
            return list(value.items());
        case JsonValue::Kind::object:
            break;
    }
    tuple(1);
    if (!value.members().empty()) header(TermTag::list, value.members().size());
    for (const auto& [name, member] : value.members()) {
        tuple(2);
        binary(name);
        this->value(member);
    }
    tag(TermTag::nil);
}

}  // namespace

std::string definition_name(const DefinitionOptions& options) {
    TermText term;
    const auto name_or_auto = [&](std::string_view option, const std::string& name) {
        term.tuple(2);
        term.atom(option);
        name.empty() ? term.atom("auto_name") : term.binary(name);
    };
    term.tuple(2);
    term.value(*options.definition);
    term.header(TermTag::list, 6);
    name_or_auto("ddoc", options.design);
    term.tuple(2);
    term.atom("def");
    term.value(*options.definition);
    name_or_auto("name", options.name);
    term.tuple(2);
    term.atom("partitioned");
    term.atom(!options.partitioned ? "db_default" : *options.partitioned ? "true" : "false");
    term.tuple(2);
    term.atom("type");
    term.binary(options.type);
    term.tuple(2);
    term.atom("w");
    term.integer(static_cast<std::int64_t>(options.w));
    term.tag(TermTag::nil);
    return hex_encode(sha1(std::move(term).take()));
}

}  // namespace divan::storage::mango
