#include "storage/query/index/tree_editor.h"

#include <algorithm>

#include "storage/base/error.h"
#include "storage/engine/keys.h"

// Nodes of one parent are gone through from left to right. Those that edits touch are taken apart,
// and what is in them goes into new nodes of a good size; the others stay. What is too little for a
// node of its own goes before what its right neighbour holds, which is then taken apart too. Only a
// parent's last node can end up small.

namespace divan::storage {

/// The nodes of one height under one parent, while they are made.
class TreeEditor::Level {
public:
    Level(TreeEditor& editor, std::uint32_t height) : editor_(editor), height_(height) {
        if (editor.levels_.size() <= height) editor.levels_.resize(height + 1);
    }

    bool pending() const { return bytes_ > 0; }
    bool wants_more() const { return pending() && bytes_ < editor_.shape_.node_bytes_min; }

    void keep(const Child& child) {
        flush();
        out_.push_back(child);
        last_entry_ = {};
    }
    void add(std::span<const IndexRow> rows) {
        for (const auto& row : rows) bytes_ += stored_bytes(row);
        rows_.insert(rows_.end(), rows.begin(), rows.end());
    }
    void add(std::span<const Child> children) {
        for (const auto& child : children) bytes_ += stored_bytes(child.seen);
        children_.insert(children_.end(), children.begin(), children.end());
    }
    /// Before what follows is added: what is large enough becomes nodes.
    void settle() {
        if (bytes_ >= editor_.shape_.node_bytes_min) flush();
    }
    /// Nodes of about the same size, so that none is full to the brim and split by the next edit.
    void flush() {
        const auto count = height_ == 0 ? rows_.size() : children_.size();
        if (count == 0) return;
        const auto most = height_ == 0 ? count : std::max<std::size_t>(count / 2, 1);
        const auto nodes = std::clamp<std::size_t>(
            (bytes_ + editor_.shape_.node_bytes_max - 1) / editor_.shape_.node_bytes_max, 1, most);
        std::size_t from = 0;
        std::size_t passed = 0;
        for (std::size_t i = 0; i < count; ++i) {
            passed += height_ == 0 ? stored_bytes(rows_[i]) : stored_bytes(children_[i].seen);
            const bool last = i + 1 == count;
            const bool full = passed * nodes >= bytes_ * (made_ + 1);
            const bool enough = height_ == 0 || i > from;
            if (!last && !(full && enough && made_ + 1 < nodes)) continue;
            make(from, i + 1);
            ++made_;
            from = i + 1;
        }
        made_ = 0;
        bytes_ = 0;
        rows_.clear();
        children_.clear();
    }
    std::vector<Child> finish() {
        flush();
        return std::move(out_);
    }

private:
    void make(std::size_t from, std::size_t to) {
        const auto at = [](std::size_t index) { return static_cast<std::ptrdiff_t>(index); };
        auto& level = editor_.levels_[height_];
        NewNode node{editor_.take_number(), {}, {}, {}};
        Child child;
        child.fresh = at(level.size());
        child.seen.node = node.number;
        if (height_ == 0) {
            node.rows.assign(rows_.begin() + at(from), rows_.begin() + at(to));
            child.seen.rows = node.rows.size();
            child.seen.lower = lower_of(node.rows.front().entry);
            last_entry_ = node.rows.back().entry;
        } else {
            node.children.assign(children_.begin() + at(from), children_.begin() + at(to));
            for (const auto& each : node.children) child.seen.rows += each.seen.rows;
            child.seen.lower = node.children.front().seen.lower;
        }
        level.push_back(std::move(node));
        out_.push_back(child);
    }
    /// The shortest that still tells a node's first entry from the one before it.
    BytesView lower_of(BytesView entry) const {
        if (last_entry_.empty()) return entry;
        const auto differ =
            std::mismatch(entry.begin(), entry.end(), last_entry_.begin(), last_entry_.end());
        return entry.substr(0, static_cast<std::size_t>(differ.first - entry.begin()) + 1);
    }

    TreeEditor& editor_;
    const std::uint32_t height_;
    std::vector<IndexRow> rows_;
    std::vector<Child> children_;
    std::size_t bytes_ = 0;  ///< Of what waits to become nodes.
    std::size_t made_ = 0;   ///< Nodes of the flush under way.
    BytesView last_entry_;
    std::vector<Child> out_;
};

namespace {

struct Merged {
    std::vector<IndexRow> rows;
    bool changed = false;
};

Merged merge(const std::vector<IndexRow>& rows, std::span<const RowEdit> edits) {
    Merged merged;
    merged.rows.reserve(rows.size() + edits.size());
    auto row = rows.begin();
    for (const auto& edit : edits) {
        for (; row != rows.end() && row->entry < edit.row.entry; ++row) merged.rows.push_back(*row);
        const bool there = row != rows.end() && row->entry == edit.row.entry;
        if (edit.erase) {
            merged.changed = merged.changed || there;
        } else {
            merged.changed = merged.changed || !there || row->key != edit.row.key ||
                             row->value != edit.row.value;
            merged.rows.push_back(edit.row);
        }
        if (there) ++row;
    }
    merged.rows.insert(merged.rows.end(), row, rows.end());
    return merged;
}

}  // namespace

TreeEditor::TreeEditor(const Reader& reader, Batch& batch, TreeAddress address,
                       const Reducers& reducers, TreeShape shape)
    : reader_(reader), batch_(batch), address_(address), reducers_(reducers), shape_(shape) {}

TreeEditor::~TreeEditor() = default;

TreeState TreeEditor::apply(const TreeState& state, std::span<const RowEdit> edits) {
    next_node_ = state.next_node;
    auto height = state.height;
    std::vector<Child> top;
    bool changed = false;
    if (state.root == 0) {
        const auto merged = merge({}, edits);
        Level leaves(*this, 0);
        leaves.add(merged.rows);
        top = leaves.finish();
        height = 0;
        changed = merged.changed;
    } else {
        Child root;
        root.seen = {{}, state.root, state.rows, state.reductions};
        auto edited = edit_children({root}, height, edits);
        top = std::move(edited.children);
        changed = edited.changed;
    }
    if (!changed) return state;
    grow(top, height);
    shrink(top, height);
    finish_nodes();

    TreeState after;
    if (!top.empty()) {
        const auto& root = top.front();
        after.root = root.seen.node;
        after.height = height;
        after.rows = root.seen.rows;
        after.reductions = root.fresh < 0
                               ? Bytes(root.seen.reductions)
                               : levels_[height][static_cast<std::size_t>(root.fresh)].reductions;
    }
    after.next_node = next_node_;
    after.changed = state.changed;
    return after;
}

TreeEditor::Edited TreeEditor::edit_children(std::vector<Child> children, std::uint32_t height,
                                             std::span<const RowEdit> edits) {
    Level level(*this, height);
    bool changed = false;
    for (std::size_t i = 0; i < children.size(); ++i) {
        auto mine = edits;
        if (i + 1 < children.size()) {
            const auto upper = children[i + 1].seen.lower;
            const auto end = std::partition_point(
                edits.begin(), edits.end(), [&](const auto& e) { return e.row.entry < upper; });
            mine = edits.first(static_cast<std::size_t>(end - edits.begin()));
        }
        edits = edits.subspan(mine.size());
        if (mine.empty() && !level.wants_more()) {
            level.keep(children[i]);
            continue;
        }
        level.settle();
        const bool joined = level.pending();
        auto edited = edit_child(children[i], height, mine, level);
        changed = changed || edited.changed || joined;
    }
    return {level.finish(), changed};
}

// What the child holds goes to `level`; or the child itself, where nothing changes in it.
TreeEditor::Edited TreeEditor::edit_child(const Child& child, std::uint32_t height,
                                          std::span<const RowEdit> edits, Level& level) {
    const auto& node = load(child.seen.node);
    if (node.leaf != (height == 0)) throw CorruptBytes();
    if (node.leaf) {
        const auto merged = merge(node.rows, edits);
        if (!merged.changed && !level.pending()) {
            level.keep(child);
            return {};
        }
        freed_.push_back(child.seen.node);
        level.add(merged.rows);
        return {{}, true};
    }
    std::vector<Child> below;
    below.reserve(node.children.size());
    for (const auto& each : node.children) below.push_back({each, -1});
    auto edited = edit_children(std::move(below), height - 1, edits);
    if (!edited.changed && !level.pending()) {
        level.keep(child);
        return {};
    }
    freed_.push_back(child.seen.node);
    level.add(edited.children);
    return {{}, true};
}

const IndexNode& TreeEditor::load(std::uint64_t number) {
    auto& held = held_.emplace_back();
    if (!reader_.get(Family::index, key(number), held.bytes)) throw CorruptBytes();
    held.node = IndexNode::decode(held.bytes);
    return held.node;
}

void TreeEditor::grow(std::vector<Child>& top, std::uint32_t& height) {
    while (top.size() > 1) {
        ++height;
        Level level(*this, height);
        level.add(top);
        top = level.finish();
    }
}

// A root with a single child gives way to it.
void TreeEditor::shrink(std::vector<Child>& top, std::uint32_t& height) {
    while (height > 0 && !top.empty()) {
        const auto root = top.front();
        std::vector<Child> children;
        if (root.fresh >= 0) {
            auto& level = levels_[height];
            auto& made = level[static_cast<std::size_t>(root.fresh)];
            if (made.children.size() != 1) return;
            children = std::move(made.children);
            level.pop_back();  // The only one of this height.
        } else {
            const auto& node = load(root.seen.node);
            if (node.children.size() != 1) return;
            children.push_back({node.children.front(), -1});
        }
        freed_.push_back(root.seen.node);
        top = std::move(children);
        --height;
    }
}

// ---------------------------------------------------------------------------- what is written

void TreeEditor::finish_nodes() {
    for (std::size_t height = 0; height < levels_.size(); ++height) {
        for (auto& node : levels_[height]) {
            if (height == 0) {
                node.reductions = reduce_rows(node.rows);
                write(node, encode_leaf(node.rows));
                continue;
            }
            std::vector<IndexChild> children;
            children.reserve(node.children.size());
            for (auto& child : node.children) {
                if (child.fresh >= 0) {
                    const auto& below = levels_[height - 1][static_cast<std::size_t>(child.fresh)];
                    child.seen.reductions = below.reductions;
                }
                children.push_back(child.seen);
            }
            node.reductions = reduce_children(node.children);
            write(node, encode_inner(children));
        }
    }
    for (const auto number : freed_) batch_.erase(Family::index, key(number));
    freed_.clear();
}

Bytes TreeEditor::reduce_rows(const std::vector<IndexRow>& rows) const {
    Bytes reductions;
    ByteWriter out(reductions);
    for (const auto& reducer : reducers_) out.sized(reducer->reduce(rows));
    return reductions;
}

Bytes TreeEditor::reduce_children(const std::vector<Child>& children) const {
    Bytes reductions;
    ByteWriter out(reductions);
    std::vector<BytesView> parts;
    for (std::size_t i = 0; i < reducers_.size(); ++i) {
        parts.clear();
        for (const auto& child : children) {
            parts.push_back(IndexNode::reduction(child.seen.reductions, i));
        }
        out.sized(reducers_[i]->rereduce(parts));
    }
    return reductions;
}

std::uint64_t TreeEditor::take_number() {
    if (freed_.empty()) return next_node_++;
    const auto number = freed_.back();
    freed_.pop_back();
    return number;
}

void TreeEditor::write(const NewNode& node, Bytes bytes) {
    batch_.put(Family::index, key(node.number), std::move(bytes));
}

Bytes TreeEditor::key(std::uint64_t number) const {
    return keys::index_node(address_.database, address_.index, address_.tree, number);
}

}  // namespace divan::storage
