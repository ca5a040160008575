#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "replication/options.h"

namespace divan::replication {

/// What this server puts into the ids of its replications.
struct ServerNames {
    std::string uuid;              ///< `[couchdb] uuid`
    std::string host_name;         ///< Of the machine: versions 1 and 2.
    std::uint16_t old_port = 5984; ///< `[httpd] port`: version 2.
};

/// The id of a replication, the same that CouchDB gives it: what was begun there goes on here.
struct ReplicationId {
    std::string base;       ///< Names the checkpoints.
    std::string extension;  ///< "+continuous+create_target", each where it is so.

    std::string full() const { return base + extension; }
};

/// A filter function of a design document goes into ids with its code.
struct FilterName {
    std::string design;  ///< Without "_design/".
    std::string name;
};
/// Empty where the replication has no such filter.
std::optional<FilterName> filter_function(const Replication& replication);
/// The code as it goes into ids: spaces around it taken away, where it is one line.
std::string trimmed_filter(std::string_view code);

/// `filter_code` is empty where there is no `filter_function`.
ReplicationId replication_id(const Replication& replication, const ServerNames& names,
                             std::string_view filter_code);
/// The base ids that earlier versions of CouchDB gave it, the newest first: checkpoints may still
/// stand under them.
std::vector<std::string> older_base_ids(const Replication& replication, const ServerNames& names,
                                        std::string_view filter_code);

}  // namespace divan::replication
