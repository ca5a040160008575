#include "storage/query/js/refusal.h"

#include <algorithm>
#include <array>
#include <utility>

#include "storage/base/json.h"

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
        if (kind == "forbidden") return with_reason(Code::forbidden, {}, reason);
        if (kind == "unauthorized") return with_reason(Code::unauthorized, {}, reason);
        // Numbers and the like become texts: chttpd:error_info/1.
        if (!reason.is_string() && !reason.is_array() && !reason.is_object()) {
            return Error{Code::internal_error, reason.dump(), "unknown_error"};
        }
        return with_reason(Code::internal_error, "unknown_error", reason);
    }
    return with_reason(Code::internal_error, "unknown_error", thrown);
}

}  // namespace divan::storage::js
