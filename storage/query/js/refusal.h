#pragma once

#include <optional>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace divan::storage::js {

/// What a worker refused with.
struct WorkerRefusal {
    Error error;
    bool fatal = false;  ///< The worker ends.
};

/// Reads the fields of a `refused`. Throws `CorruptBytes`.
WorkerRefusal read_refusal(BytesView fields);

/// An error that a function named itself, and its reason as JSON: chttpd:error_info/1. Names that
/// CouchDB knows have their status, all others are 500.
Error named_refusal(BytesView name, BytesView reason_json);

/// What a validator threw, as JSON; no error where that counts as consent:
/// couch_query_servers:validate_doc_update/6.
std::optional<Error> validator_refusal(BytesView thrown_json);

}  // namespace divan::storage::js
