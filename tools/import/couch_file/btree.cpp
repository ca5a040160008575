#include "tools/import/couch_file/btree.h"

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr int depth_max = 64;

}  // namespace

void TreeWalk::walk(const Root& root) {
    if (!root) return;
    bytes_left_ = file_.size();
    node(*root, file_.size(), 0);
}

void TreeWalk::node(std::uint64_t position, std::uint64_t below, int depth) {
    try {
        if (position >= below || depth > depth_max) throw Damage("an index that points forward");
        const auto packed = file_.chunk(position);
        if (packed.size() > bytes_left_) {
            throw Damage("an index with more nodes than the file has room for");
        }
        bytes_left_ -= packed.size();
        const auto bytes = decompress_term(packed);
        const auto term = parse_term(bytes);
        const auto parts = term.tuple(2);
        const bool inner = parts[0].is_atom("kp_node");
        if (!inner && !parts[0].is_atom("kv_node")) throw Damage("not a node of an index");
        entries(parts[1], position, inner, depth);
    } catch (const Damage& damage) {
        damaged_("index node at byte " + std::to_string(position) + ": " + damage.what());
    }
}

void TreeWalk::entries(const Term& entries, std::uint64_t position, bool inner, int depth) {
    for (const auto& entry : entries.list()) {
        const auto pair = entry.tuple(2);
        if (inner) {
            node(pair[1].tuple(2)[0].unsigned_integer(), position, depth + 1);
            continue;
        }
        try {
            visit_(pair[0], pair[1]);
        } catch (const Damage& damage) {
            damaged_("entry of the index node at byte " + std::to_string(position) + ": " +
                     damage.what());
        }
    }
}

}  // namespace divan::import
