#include "tools/import/couch_file/btree.h"

#include "tools/import/couch_file/damage.h"

namespace divan::import {
namespace {

constexpr std::size_t depth_max = 64;

}  // namespace

TreeCursor::TreeCursor(const BlockFile& file, const Root& root, Damaged damaged)
    : file_(file), damaged_(std::move(damaged)), bytes_left_(file.size()) {
    if (root) enter(*root, file.size());
}

const TreeCursor::Entry* TreeCursor::next() {
    while (!path_.empty()) {
        auto& node = *path_.back();
        if (node.at == node.entries.size()) {
            path_.pop_back();
            continue;
        }
        try {
            const auto pair = node.entries[node.at++].tuple(2);
            if (node.inner) {
                enter(pair[1].tuple(2)[0].unsigned_integer(), node.position);
                continue;
            }
            entry_ = {&pair[0], &pair[1]};
            return &entry_;
        } catch (const Damage& damage) {
            tell(damage.what());
        }
    }
    return nullptr;
}

void TreeCursor::tell(const std::string& what) {
    const auto position = path_.empty() ? 0 : path_.back()->position;
    damaged_("entry of the index node at byte " + std::to_string(position) + ": " + what);
}

void TreeCursor::enter(std::uint64_t position, std::uint64_t below) {
    try {
        if (position >= below || path_.size() > depth_max) {
            throw Damage("an index that points forward");
        }
        path_.push_back(read(position));
    } catch (const Damage& damage) {
        damaged_("index node at byte " + std::to_string(position) + ": " + damage.what());
    }
}

std::unique_ptr<TreeCursor::Node> TreeCursor::read(std::uint64_t position) {
    auto packed = file_.chunk(position);
    if (packed.size() > bytes_left_) {
        throw Damage("an index with more nodes than the file has room for");
    }
    bytes_left_ -= packed.size();
    auto node = std::make_unique<Node>();
    node->position = position;
    node->bytes = decompressed(std::move(packed));
    node->term = parse_term(node->bytes);
    const auto parts = node->term.tuple(2);
    node->inner = parts[0].is_atom("kp_node");
    if (!node->inner && !parts[0].is_atom("kv_node")) throw Damage("not a node of an index");
    node->entries = parts[1].list();
    return node;
}

void walk_tree(const BlockFile& file, const Root& root,
               const std::function<void(const Term& key, const Term& value)>& visit,
               const TreeCursor::Damaged& damaged) {
    TreeCursor cursor(file, root, damaged);
    while (const auto* entry = cursor.next()) {
        try {
            visit(*entry->key, *entry->value);
        } catch (const Damage& damage) {
            cursor.tell(damage.what());
        }
    }
}

}  // namespace divan::import
