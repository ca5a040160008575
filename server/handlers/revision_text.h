#pragma once

#include <string>

#include "storage/base/json.h"
#include "storage/document/revision.h"

namespace divan::server {

/// Appends a revision as a JSON string. Those that CouchDB made need no escapes; a replicated one
/// can be any text.
inline void append_revision_json(std::string& out, const storage::Revision& revision) {
    if (revision.hash.bytes().size() == 16) {
        out.push_back('"');
        append_revision(out, revision);
        out.push_back('"');
    } else {
        append_json_string(out, to_string(revision));
    }
}

}  // namespace divan::server
