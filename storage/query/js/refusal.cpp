#include "storage/query/js/refusal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/base/json.h"
#include "storage/base/utf8.h"
#include "storage/query/erlang_text.h"

namespace divan::storage::js {
namespace {

constexpr auto known = std::to_array<std::pair<std::string_view, Code>>({
    {"bad_request",          Code::bad_request       },
    {"conflict",             Code::conflict          },
    {"doc_validation",       Code::doc_validation    },
    {"expectation_failed",   Code::expectation_failed},
    {"forbidden",            Code::forbidden         },
    {"illegal_docid",        Code::illegal_docid     },
    {"insufficient_storage", Code::storage_full      },
    {"method_not_allowed",   Code::method_not_allowed},
    {"missing_stub",         Code::missing_stub      },
    {"not_acceptable",       Code::not_acceptable    },
    {"not_found",            Code::not_found         },
    {"query_parse_error",    Code::query_parse_error },
    {"unauthorized",         Code::unauthorized      },
});

/// Texts as they are; anything else, and the empty text, as JSON.
Error with_reason(Code code, std::string name, const JsonValue& reason) {
    if (reason.is_string() && !reason.string().empty()) {
        return {code, reason.string(), std::move(name)};
    }
    return {code, reason.dump(), std::move(name), true};
}

/// Appends an array as Erlang's list_to_binary/1 takes it: texts, bytes and such arrays.
bool append_bytes(std::string& out, const JsonValue& value) {
    if (value.is_string()) {
        out += value.string();
        return true;
    }
    if (value.is_array()) {
        return std::all_of(value.items().begin(), value.items().end(),
                           [&](const JsonValue& item) { return append_bytes(out, item); });
    }
    const auto byte = value.integer();
    if (!byte || *byte < 0 || *byte > 0xff) return false;
    out += static_cast<char>(*byte);
    return true;
}

JsonValue json_text(std::string_view text) {
    return parse_json(json_string(text)).value();
}

/// Arrays of texts become one text, as chttpd:error_info/1 has it.
JsonValue flat(const JsonValue& reason) {
    std::string text;
    const bool flattens = reason.is_array() && append_bytes(text, reason) && is_utf8(text);
    return flattens ? json_text(text) : reason;
}

/// Any value as a text: couch_util:to_binary/1.
JsonValue text_of(const JsonValue& reason) {
    if (reason.is_null()) return json_text("unknown_error");
    auto text = flat(reason);
    return text.is_string() ? text : json_text(erlang_p(reason));
}

}  // namespace

WorkerRefusal read_refusal(BytesView bytes) {
    ByteReader fields(bytes);
    WorkerRefusal refusal;
    refusal.fatal = fields.u8() != 0;
    const auto name = fields.sized();
    refusal.error = named_refusal(name, fields.sized());
    return refusal;
}

Error named_refusal(BytesView name, BytesView reason_json) {
    const auto parsed = parse_json(reason_json);
    const JsonValue reason = parsed.has_value() ? *parsed : JsonValue();
    const auto row = std::find_if(known.begin(), known.end(),
                                  [&](const auto& entry) { return entry.first == name; });
    if (row == known.end()) return with_reason(Code::internal_error, std::string(name), reason);
    if (row->second == Code::conflict) return {Code::conflict, {}, {}};
    return with_reason(row->second, {}, reason);
}

std::optional<Error> validator_refusal(BytesView thrown_json) {
    const auto parsed = parse_json(thrown_json);
    const JsonValue thrown = parsed.has_value() ? *parsed : JsonValue();
    if (thrown.kind() == JsonValue::Kind::boolean && thrown.boolean()) return std::nullopt;
    if (thrown.integer() == 1) return std::nullopt;
    if (thrown.members().size() == 1) {
        const auto& [kind, reason] = thrown.members().front();
        if (kind == "forbidden") return with_reason(Code::forbidden, {}, flat(reason));
        if (kind == "unauthorized") return with_reason(Code::unauthorized, {}, flat(reason));
        return with_reason(Code::internal_error, "unknown_error", text_of(reason));
    }
    return with_reason(Code::internal_error, "unknown_error", thrown);
}

}  // namespace divan::storage::js
