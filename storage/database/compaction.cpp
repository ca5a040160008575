#include "storage/database/database.h"
#include "storage/database/record.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

constexpr std::size_t documents_in_step_max = 256;
constexpr std::size_t records_in_look_max = 4096;

bool has_inner_bodies(BytesView record) {
    const auto tree = DocumentRecord::decode(record).tree;
    for (const auto& node : tree.nodes()) {
        if (!node.leaf && node.has_body) return true;
    }
    return false;
}

}  // namespace

bool Database::compact() {
    if (compacting_.exchange(true)) return false;
    compaction_done_ = 0;
    try {
        compact_documents();
        const auto from = keys::database(id());
        const auto to = keys::after_prefix(from);
        for (const auto family : {Family::docs, Family::bodies, Family::changes,
                                  Family::attachments}) {
            if (!doomed()) engine_.compact(family, from, to);
        }
    } catch (...) {
        compacting_ = false;
        throw;
    }
    compacting_ = false;
    return true;
}

void Database::compact_documents() {
    const auto prefix = keys::database(id());
    const auto after = keys::after_prefix(prefix);
    // A new cursor for every look: a long one would keep the space of what is erased meanwhile.
    for (Bytes from = prefix; !doomed();) {
        const auto snapshot = engine_.snapshot();
        const auto cursor = snapshot->cursor(Family::docs, from, after);
        std::vector<std::string> ids;
        std::size_t looked = 0;
        for (cursor->seek(from);
             cursor->valid() && ids.size() < documents_in_step_max && looked < records_in_look_max;
             cursor->next(), ++looked) {
            if (has_inner_bodies(cursor->value())) ids.emplace_back(keys::id_of(cursor->key()));
        }
        const bool more = cursor->valid();
        if (more) from = Bytes(cursor->key());
        compaction_done_ += looked;
        if (!ids.empty()) writer_.compact(std::move(ids)).value();
        if (!more) return;
    }
}

}  // namespace divan::storage
