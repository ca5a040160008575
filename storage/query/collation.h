#pragma once

#include <string_view>

#include "storage/base/json.h"
#include "storage/query/json_text.h"

namespace divan::storage {

/// CouchDB's order of JSON values, as couch_ejson_compare:less/2: null, false, true, numbers,
/// strings, arrays, objects; strings by ICU's root collation, so that different texts can be equal;
/// objects member by member in the order written. Less than 0, 0, or greater. Any thread.
int compare(const JsonText& a, const JsonText& b);
int compare(const JsonValue& a, const JsonValue& b);

/// Erlang's order of the same values: numbers, false, null, true, objects, arrays, strings by
/// bytes. That of `"collation": "raw"`, and of `_id` in selectors.
int compare_raw(const JsonText& a, const JsonText& b);

/// The order of strings within `compare`.
int compare_strings(std::string_view a, std::string_view b);

/// Appends bytes that have the order of `compare_strings`, equal where it says 0; the last one, and
/// only that, is 0.
void append_sort_key(std::string& out, std::string_view text);
/// Of the collator, as ICU writes it ("153.112"): sort keys of another version do not compare.
std::string sort_key_version();

/// Exact, whatever the size: "10", "1.0e10", "123456789012345678901".
int compare_numbers(std::string_view a, std::string_view b);

/// Whether `prefix` starts `text` and ends between two of its characters as a reader sees them: "e"
/// is no prefix of "e" with a combining accent. Erlang's string:prefix/2.
bool has_prefix(std::string_view text, std::string_view prefix);

}  // namespace divan::storage
