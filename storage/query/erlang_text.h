#pragma once

#include <string>
#include <string_view>

#include "storage/base/json.h"

/// How Erlang prints the values that CouchDB quotes in its refusals.
namespace divan::storage {

/// `~w`: strings as `<<1,2>>`, objects as `{[{Name,Value}]}`.
std::string erlang_w(const JsonValue& value);
/// `~p`: readable strings as `<<"text">>`.
std::string erlang_p(const JsonValue& value);
/// `~p` of a list of bytes, such as the value of a query parameter: `"text"`.
std::string erlang_p_list(std::string_view bytes);

}  // namespace divan::storage
