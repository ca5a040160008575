#pragma once

#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"

/// Every key layout there is. `docs/DATA.md` explains them with examples.
///
/// A key of a database starts with its id, 8 bytes big endian, so that dropping the database is
/// one range per family. Document ids are written `ordered` (0 becomes 0 255, then 0 1 ends it)
/// wherever something follows them, so that byte order of keys is byte order of ids.
namespace divan::storage::keys {

// Family::catalog
inline constexpr char catalog_name = 'n';      ///< 'n' name             → catalog entry
inline constexpr char catalog_next_id = 'i';   ///< 'i'                  → next database id
inline constexpr char catalog_state = 's';     ///< 's' database         → counters
inline constexpr char catalog_settings = 't';  ///< 't' database         → security, limits
inline constexpr char catalog_upload = 'u';  ///< 'u' database attachment → document id: an upload
                                             ///< under way, or one that a crash left behind
inline constexpr char catalog_purge = 'p';   ///< 'p' database purge number → id, revisions
inline constexpr char catalog_former = 'f';  ///< 'f' database         → sequences of the
                                             ///< server that it was imported from
inline constexpr char catalog_system = 'y';  ///< 'y' kind key         → a record of auth's

Bytes catalog_entry(std::string_view name);
Bytes next_database_id();
Bytes state(DatabaseId database);
Bytes settings(DatabaseId database);
Bytes former_sequences(DatabaseId database);
Bytes upload(DatabaseId database, AttachmentId attachment);
Bytes purge(DatabaseId database, std::uint64_t number);
Bytes system(char kind, std::string_view key);

/// The prefix of everything a database has in the other families.
Bytes database(DatabaseId database);
/// The first key after every key that starts with `prefix`; empty where there is none.
Bytes after_prefix(Bytes prefix);

Bytes document(DatabaseId database, std::string_view id);                      // docs
Bytes body(DatabaseId database, std::string_view id, BytesView revision_key);  // bodies
Bytes bodies_of(DatabaseId database, std::string_view id);                     // bodies, a prefix
Bytes change(DatabaseId database, Sequence sequence);                          // changes
Bytes chunk(DatabaseId database, AttachmentId attachment, std::uint32_t number);  // attachments
Bytes chunks_of(DatabaseId database, AttachmentId attachment);                    // a prefix
Bytes local(DatabaseId database, std::string_view id);                            // local
Bytes range_count(DatabaseId database, char kind, BytesView first);               // index
Bytes range_counts_of(DatabaseId database, char kind);                            // a prefix
inline constexpr char count_documents = 'd';  ///< Of `range_count`: live documents by id.
inline constexpr char count_changes = 'q';    ///< Changes by sequence.

Bytes index_head(DatabaseId database, std::string_view name);  // index
Bytes index_heads_of(DatabaseId database);                     // a prefix
Bytes index_node(DatabaseId database, std::uint64_t index, std::uint32_t tree,
                 std::uint64_t node);                                                  // index
Bytes index_nodes_of(DatabaseId database, std::uint64_t index);                        // a prefix
Bytes back_references(DatabaseId database, std::uint64_t index, std::string_view id);  // index
Bytes back_references_of(DatabaseId database, std::uint64_t index);                    // a prefix

/// The document id of a `document` key.
std::string_view id_of(BytesView key);
/// The name of an `index_head` key.
std::string_view index_name_of(BytesView key);
/// The sequence of a `change` key.
Sequence sequence_of(BytesView key);

}  // namespace divan::storage::keys
