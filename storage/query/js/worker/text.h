#pragma once

#include <jsapi.h>

#include "storage/base/bytes.h"

namespace divan::storage::js {

/// Null with an exception pending where `utf8` is not UTF-8, or memory is short.
JSString* new_string(JSContext* cx, BytesView utf8);
bool parse_json(JSContext* cx, BytesView text, JS::MutableHandleValue value);

/// How deeply arrays and objects are nested in a JSON text.
std::size_t nesting(BytesView json);

/// Appends what JSON.stringify gives for a member: null for undefined, functions and symbols.
/// False with an exception pending where it throws.
bool append_json(JSContext* cx, JS::HandleValue value, Bytes& out);
/// Appends a string's text as UTF-8; unpaired surrogates become U+FFFD.
bool append_text(JSContext* cx, JS::HandleString text, Bytes& out);

}  // namespace divan::storage::js
