#include "tools/import/couch_file/header.h"

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/term.h"

namespace divan::import {
namespace {

constexpr int oldest_version = 5;
constexpr int newest_version = 8;
constexpr int purge_trees_since = 7;
constexpr std::size_t fields_min = 11;  // CouchDB 1.2 and earlier: up to the revision limit

// The places of db_header's fields in its tuple.
enum Field : std::size_t {
    disk_version = 1,
    update_sequence = 2,
    ids = 4,
    sequences = 5,
    locals = 6,
    purge_sequences = 8,
    security = 9,
    revisions_limit = 10,
    uuid = 11,
    epochs = 12,
    purged_infos_limit = 14,
    properties = 15,
};

// nil, or {Pointer, Reduction} with a size since 1.2.
Root root_of(const Term& state) {
    if (!state.is_tuple()) return std::nullopt;
    return state.tuple(2)[0].unsigned_integer();
}

// The reduction of the index by id: {Live, Deleted, Sizes}.
std::optional<std::uint64_t> count_of(const Term& state) {
    if (!state.is_tuple()) return 0;
    const auto& reduction = state.tuple(2)[1];
    if (!reduction.is_tuple()) return std::nullopt;
    const auto counts = reduction.tuple(2);
    return counts[0].unsigned_integer() + counts[1].unsigned_integer();
}

// [{Node, Sequence}, ...]; something else in old files.
std::vector<DatabaseHeader::Epoch> epochs_of(const Term& field) {
    std::vector<DatabaseHeader::Epoch> read;
    if (field.kind != Term::Kind::list) return read;
    for (const auto& epoch : field.list()) {
        const auto pair = epoch.tuple(2);
        read.push_back({std::string(pair[0].any_text()), pair[1].unsigned_integer()});
    }
    return read;
}

// nil, undefined, 0, or where the term is.
std::optional<std::uint64_t> pointer_of(const Term& field) {
    if (field.kind != Term::Kind::integer || field.number <= 0) return std::nullopt;
    return field.unsigned_integer();
}

// To open a file leaves it as it is; a compaction writes it in the version of who does it.
[[noreturn]] void refuse_version(std::int64_t version) {
    const auto what = "disk version " + std::to_string(version) + ": only 5 to 8 can be read. ";
    if (version > newest_version) {
        throw Damage(what + "A CouchDB that is newer than this program wrote it: take the URL of "
                            "that server as the source");
    }
    const bool last_old = version == oldest_version - 1;
    const std::string from = last_old ? "CouchDB 0.10" : "CouchDB 0.9 or a forerunner of 0.10";
    const std::string by = last_old ? "CouchDB 1 to 3"
                                    : "CouchDB 1.0 or 1.1";
    throw Damage(what + from + " wrote it: let " + by +
                 " compact it (POST /NAME/_compact) first, or serve it, and take its URL as the "
                 "source");
}

}  // namespace

DatabaseHeader parse_database_header(std::string_view bytes) {
    const auto term = parse_term(bytes);
    const auto any = term.tuple(2);
    if (!any[0].is_atom("db_header")) throw Damage("the header of an index, not a database");
    const auto version = any[disk_version].integer();
    if (version < oldest_version || version > newest_version) refuse_version(version);
    const auto fields = term.tuple(fields_min);
    DatabaseHeader header;
    header.disk_version = static_cast<int>(version);
    header.update_sequence = fields[update_sequence].unsigned_integer();
    header.ids = root_of(fields[ids]);
    header.documents = count_of(fields[ids]);
    header.sequences = root_of(fields[sequences]);
    header.locals = root_of(fields[locals]);
    if (version >= purge_trees_since) header.purges = root_of(fields[purge_sequences]);
    header.security = pointer_of(fields[security]);
    header.revisions_limit = fields[revisions_limit].unsigned_integer();
    if (fields.size() > uuid && fields[uuid].kind == Term::Kind::binary) {
        header.uuid = fields[uuid].binary();
    }
    if (fields.size() > epochs) header.epochs = epochs_of(fields[epochs]);
    if (fields.size() > purged_infos_limit) {
        header.purged_infos_limit = fields[purged_infos_limit].unsigned_integer();
    }
    if (fields.size() > properties) header.properties = pointer_of(fields[properties]);
    return header;
}

}  // namespace divan::import
