#include "storage/database/commit_group.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "storage/base/log.h"
#include "storage/database/database.h"
#include "storage/database/last_document.h"
#include "storage/database/read_view.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

/// From so many on a look at the database's last document is worth it.
constexpr std::size_t many_ids = 64;

Error conflict() {
    return {Code::conflict, {}, {}};
}

Error missing_stub(std::string_view id, std::string_view name) {
    std::string reason = "Invalid attachment stub in ";
    reason.append(id).append(" for ").append(name);
    return {Code::missing_stub, std::move(reason), {}};
}

Error partition_overflow(std::string_view id) {
    std::string reason = "Partition limit exceeded due to update on '";
    reason.append(id).append("'");
    return {Code::forbidden, std::move(reason), "partition_overflow"};
}

Bytes sequence_key(Sequence sequence) {
    Bytes bytes;
    ByteWriter(bytes).u64(sequence.value);
    return bytes;
}

bool is_deleted(const RevisionTree& tree) {
    return tree.empty() || tree.node(tree.winner()).deleted;
}

bool has_stubs(const Edit& edit) {
    return std::any_of(edit.attachments.begin(), edit.attachments.end(),
                       [](const EditAttachment& attachment) { return attachment.stub; });
}

/// A stub that was not resolved: what it would take over was not there before this request.
const EditAttachment* unresolved_stub(const Edit& edit) {
    for (const auto& attachment : edit.attachments) {
        if (attachment.stub && attachment.stored.id == AttachmentId{}) return &attachment;
    }
    return nullptr;
}

/// Indexes of `edits` in the order of their numbers: by what an import asks for, by id, those of
/// one id in the order sent. CouchDB numbers changes of one request by id.
std::vector<std::size_t> in_order(const std::vector<Edit>& edits) {
    std::vector<std::size_t> order(edits.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto before = [&](std::size_t a, std::size_t b) {
        return std::tie(edits[a].at_least, edits[a].id) < std::tie(edits[b].at_least, edits[b].id);
    };
    if (!std::is_sorted(order.begin(), order.end(), before)) {
        std::stable_sort(order.begin(), order.end(), before);
    }
    return order;
}

}  // namespace

CommitGroup::CommitGroup(Database& database)
    : database_(database), before_(database.state()), state_(before_) {
    const auto settings = database.settings();
    revs_limit_ = settings->revs_limit;
    purged_infos_limit_ = settings->purged_infos_limit;
}

void CommitGroup::load(const std::vector<std::string_view>& ids) {
    std::vector<std::string_view> unique(ids);
    std::sort(unique.begin(), unique.end());
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());

    // Documents of an import come in order: none of those after the last one is there.
    auto end_of_known = unique.end();
    if (unique.size() >= many_ids) {
        const auto last = last_document_id(database_.engine_, database_.id());
        end_of_known =
            last ? std::upper_bound(unique.begin(), unique.end(), *last) : unique.begin();
    }
    std::vector<Bytes> wanted;
    wanted.reserve(unique.size());
    for (auto id = unique.begin(); id != end_of_known; ++id) {
        wanted.push_back(keys::document(database_.id(), *id));
    }
    const auto found = database_.engine_.get_many(Family::docs, wanted);

    slots_.reserve(unique.size());
    for (std::size_t i = 0; i < unique.size(); ++i) {
        auto& slot = slots_.emplace_back();
        slot.id = unique[i];
        if (i >= found.size() || !found[i]) continue;
        slot.record = DocumentRecord::decode(*found[i]);
        slot.stored = true;
        slot.stored_sequence = slot.record.sequence;
        slot.was_live = !is_deleted(slot.record.tree);
        measure(slot.record.tree, slot.leaf_bytes, slot.garbage_bytes);
    }
}

CommitGroup::Slot& CommitGroup::slot(std::string_view id) {
    const auto found = std::lower_bound(
        slots_.begin(), slots_.end(), id,
        [](const Slot& slot, std::string_view wanted) { return slot.id < wanted; });
    DIVAN_CHECK(found != slots_.end() && found->id == id);
    return *found;
}

EditOutcomes CommitGroup::apply(std::vector<Edit>& edits) {
    if (const auto checked = check_stubs(edits); !checked) return checked.error();

    std::vector<EditOutcome> outcomes(edits.size(), conflict());
    const auto order = in_order(edits);
    for (std::size_t at = 0; at < order.size();) {
        const auto& [id, at_least] = std::tie(edits[order[at]].id, edits[order[at]].at_least);
        auto& document = slot(id);
        const auto sequence = std::max(Sequence{state_.update_sequence.value + 1}, at_least);
        bool changed = false;
        for (; at < order.size() && edits[order[at]].id == id; ++at) {
            outcomes[order[at]] = apply_one(edits[order[at]], document, sequence, changed);
        }
        if (!changed) continue;
        if (at_least == Sequence{}) only_imported_ = false;
        state_.update_sequence = sequence;
        document.record.sequence = sequence;
        document.dirty = true;
        if (document.record.tree.nodes().size() > revs_limit_) {
            drop_bodies(id, document.record.tree, document.record.tree.stem(revs_limit_));
        }
    }
    return outcomes;
}

EditOutcome CommitGroup::apply_one(Edit& edit, Slot& slot, Sequence sequence, bool& changed) {
    return edit.replicated ? apply_replicated(edit, slot, sequence, changed)
                           : apply_interactive(edit, slot, sequence, changed);
}

Result<std::optional<Revision>> CommitGroup::find_parent(const Edit& edit,
                                                         const Slot& slot) const {
    const auto& tree = slot.record.tree;
    if (edit.parent) {
        const auto index = tree.find(*edit.parent);
        // couch_db_updater:merge_rev_tree/4: a document that is deleted as a whole grows only from
        // its winner, by an edit that names no revision.
        if (!index || !tree.node(*index).leaf || is_deleted(tree)) return conflict();
        return edit.parent;
    }
    if (tree.empty()) return std::optional<Revision>();
    if (edit.deleted || !is_deleted(tree)) return conflict();
    return std::optional<Revision>(tree.node(tree.winner()).revision);
}

EditOutcome CommitGroup::apply_interactive(Edit& edit, Slot& slot, Sequence sequence,
                                           bool& changed) {
    const auto parent = find_parent(edit, slot);
    if (!parent) return parent.error();
    if (const auto* stub = unresolved_stub(edit)) return missing_stub(edit.id, stub->stored.name);
    if (overflows(edit, slot.record.tree, *parent ? &**parent : nullptr)) {
        return partition_overflow(edit.id);
    }

    const auto revision = edit.revision && edit.parent == *parent
                              ? *edit.revision
                              : seal_edit(edit, *parent ? &**parent : nullptr);
    std::vector<RevisionHash> path{revision.hash};
    if (*parent) path.push_back((*parent)->hash);
    const auto merged = slot.record.tree.merge(revision.generation, path,
                                               {edit.deleted, sequence, edit.body.size()});
    if (merged != RevisionTree::Merged::new_leaf) return conflict();
    put_body(edit, revision);
    changed = true;
    return revision;
}

EditOutcome CommitGroup::apply_replicated(Edit& edit, Slot& slot, Sequence sequence,
                                          bool& changed) {
    const Revision revision{edit.generation, edit.path.front()};
    auto& tree = slot.record.tree;
    const auto known = tree.find(revision);
    const bool had_body = known && tree.node(*known).has_body;
    if (const auto* stub = had_body ? nullptr : unresolved_stub(edit)) {
        return missing_stub(edit.id, stub->stored.name);
    }
    const auto merged = tree.merge(edit.generation, edit.path,
                                   {edit.deleted, sequence, edit.body.size()});
    if (merged == RevisionTree::Merged::unchanged) return revision;
    if (!had_body) put_body(edit, revision);
    changed = true;
    return revision;
}

std::optional<Revision> CommitGroup::stub_source(const Edit& edit, const Slot& slot) const {
    const auto& tree = slot.record.tree;
    if (!edit.replicated) return edit.parent;
    for (std::size_t i = 1; i < edit.path.size(); ++i) {
        const Revision ancestor{edit.generation - i, edit.path[i]};
        const auto index = tree.find(ancestor);
        if (index && tree.node(*index).has_body) return ancestor;
    }
    return std::nullopt;
}

Result<void> CommitGroup::resolve_stubs(Edit& edit, const Revision* source) const {
    const auto body = source != nullptr ? load_body(edit.id, *source) : std::nullopt;
    for (auto& attachment : edit.attachments) {
        if (!attachment.stub) continue;
        const auto* stored = body ? body->attachment(attachment.stored.name) : nullptr;
        if (stored == nullptr ||
            (attachment.revpos_given && attachment.stored.revpos != stored->revpos)) {
            return missing_stub(edit.id, attachment.stored.name);
        }
        attachment.stored = *stored;
    }
    return {};
}

Result<void> CommitGroup::check_stubs(std::vector<Edit>& edits) {
    for (auto& edit : edits) {
        if (!has_stubs(edit)) continue;
        const auto& document = slot(edit.id);
        const auto& tree = document.record.tree;
        if (edit.replicated) {
            const auto known = tree.find({edit.generation, edit.path.front()});
            if (known && tree.node(*known).has_body) continue;
        } else if (!tree.empty()) {
            // What will be a conflict is told as one.
            const auto parent = edit.parent ? tree.find(*edit.parent) : std::nullopt;
            if (edit.parent && (!parent || !tree.node(*parent).leaf)) continue;
            if (!edit.parent && !is_deleted(tree)) continue;
        } else if (edit.parent) {
            return missing_stub(edit.id, edit.attachments.front().stored.name);
        }
        const auto source = stub_source(edit, document);
        const auto resolved = resolve_stubs(edit, source ? &*source : nullptr);
        if (!resolved) return resolved;
        edit.revision.reset();
    }
    return {};
}

Result<Purged> CommitGroup::apply(const std::vector<PurgeRow>& rows) {
    Purged purged;
    auto next = state_.update_sequence.value;
    for (const auto& row : rows) {
        auto& document = slot(row.id);
        auto& tree = document.record.tree;
        std::vector<Revision> dropped;
        purged.rows.push_back(tree.empty() ? std::vector<Revision>{}
                                           : tree.remove_leaves(row.revisions, dropped));
        ++state_.purge_sequence;
        Bytes info;
        ByteWriter out(info);
        out.sized(row.id);
        for (const auto& revision : row.revisions) out.sized(revision_key(revision));
        batch_.put(Family::catalog, keys::purge(database_.id(), state_.purge_sequence), info);
        if (state_.purge_sequence > purged_infos_limit_) {
            const auto forgotten = state_.purge_sequence - purged_infos_limit_;
            batch_.erase(Family::catalog, keys::purge(database_.id(), forgotten));
        }
        if (purged.rows.back().empty()) continue;

        drop_bodies(row.id, tree, dropped);
        document.dirty = true;
        if (tree.empty()) continue;
        only_imported_ = false;
        // couch_db_updater:apply_purge_reqs/4 gives every leaf that is left a number of its own.
        for (const auto index : tree.leaves()) tree.set_sequence(index, Sequence{++next});
        document.record.sequence = Sequence{next};
    }
    // A purge is always a change to who follows the database (couch_bt_engine:purge_docs/3).
    state_.update_sequence = Sequence{std::max(next, state_.update_sequence.value + 1)};
    purged.purge_sequence = state_.purge_sequence;
    return purged;
}

void CommitGroup::compact(const std::string& id) {
    auto& document = slot(id);
    auto& tree = document.record.tree;
    std::vector<Revision> dropped;
    for (RevisionTree::Index i = 0; i < tree.nodes().size(); ++i) {
        if (tree.node(i).leaf || !tree.node(i).has_body) continue;
        dropped.push_back(tree.node(i).revision);
        tree.drop_body(i);
    }
    if (dropped.empty()) return;
    drop_bodies(id, tree, dropped);
    document.dirty = true;
}

void CommitGroup::measure(const RevisionTree& tree, std::uint64_t& leaf_bytes,
                          std::uint64_t& garbage_bytes) const {
    leaf_bytes = 0;
    garbage_bytes = 0;
    for (const auto& node : tree.nodes()) {
        if (!node.has_body) continue;
        (node.leaf ? leaf_bytes : garbage_bytes) += node.body_bytes;
    }
}

void CommitGroup::finish(Slot& slot) {
    const auto& id = slot.id;
    const bool gone = slot.record.tree.empty();
    const bool live = !is_deleted(slot.record.tree);
    const auto key = keys::document(database_.id(), id);

    std::uint64_t leaf_bytes = 0;
    std::uint64_t garbage_bytes = 0;
    measure(slot.record.tree, leaf_bytes, garbage_bytes);
    state_.leaf_bytes += leaf_bytes - slot.leaf_bytes;
    state_.garbage_bytes += garbage_bytes - slot.garbage_bytes;
    change_partition(id, slot.leaf_bytes, leaf_bytes);

    if (slot.stored && !slot.was_live) --state_.deleted_count;
    if (slot.was_live) --state_.document_count;
    if (live) ++state_.document_count;
    if (!live && !gone) ++state_.deleted_count;
    if (live && !slot.was_live) database_.documents_counted().add(documents_, id);
    if (!live && slot.was_live) database_.documents_counted().remove(documents_, id);

    if (gone) {
        if (slot.stored) batch_.erase(Family::docs, key);
    } else {
        batch_.put(Family::docs, key, slot.record.encode());
    }

    auto& changes = database_.changes_counted();
    const bool moved = gone || slot.stored_sequence != slot.record.sequence;
    if (slot.stored && moved) {
        batch_.erase(Family::changes, keys::change(database_.id(), slot.stored_sequence));
        changes.remove(changes_, sequence_key(slot.stored_sequence));
    }
    if (!gone && moved) {
        batch_.put(Family::changes, keys::change(database_.id(), slot.record.sequence),
                   Change::encode(id, slot.record.tree));
        changes.add(changes_, sequence_key(slot.record.sequence));
    }
}

void CommitGroup::write_slots() {
    const std::lock_guard lock(database_.publish_mutex_);
    auto& changes = database_.changes_counted();
    std::vector<std::uint64_t> numbers;
    for (const auto& document : slots_) {
        if (document.dirty) numbers.push_back(document.record.sequence.value);
    }
    changes.open_ranges(std::move(numbers));
    for (auto& document : slots_) {
        if (document.dirty) finish(document);
    }
    database_.documents_counted().write(documents_, batch_);
    changes.write(changes_, batch_);
}

void CommitGroup::commit() {
    write_slots();
    if (batch_.empty()) return;
    if (only_imported_) state_.extend_import(before_);
    ++state_.commits;
    batch_.put(Family::catalog, keys::state(database_.id()), state_.encode());
    database_.engine_.commit(batch_, Durability::synced);
    {
        const std::lock_guard lock(database_.publish_mutex_);
        database_.state_ = state_;
        database_.documents_counted().apply(documents_);
        database_.changes_counted().apply(changes_);
    }
    database_.partition_sizes_.add(partition_changes_);
    split_ranges();
}

// The edits are committed by now: what fails here is no refusal of theirs, and is tried again when
// the range grows further.
void CommitGroup::split_ranges() {
    auto& counted = *database_.documents_counted_;
    const auto large = counted.oversized(documents_);
    try {
        // From the last one on, so that the indexes of the others stay true.
        for (auto at = large.rbegin(); at != large.rend(); ++at) split_range(*at);
    } catch (const std::exception& failure) {
        log(LogLevel::warning, failure.what());
    }
}

void CommitGroup::split_range(std::size_t index) {
    auto& counted = *database_.documents_counted_;
    const auto first = counted.range(index).first;
    const auto from = keys::document(database_.id(), first);
    const auto upper = index + 1 < counted.size()
                           ? keys::document(database_.id(), counted.range(index + 1).first)
                           : keys::after_prefix(keys::database(database_.id()));
    const auto cursor = database_.engine_.cursor(Family::docs, from, upper);
    std::vector<RangeCounts::Range> parts{{first, 0}};
    for (cursor->seek(from); cursor->valid(); cursor->next()) {
        if (DocumentRecord::decode_head(cursor->value()).deleted) continue;
        if (parts.back().count >= RangeCounts::keys_in_range_max / 2) {
            parts.push_back({Bytes(keys::id_of(cursor->key())), 0});
        }
        ++parts.back().count;
    }
    auto state = database_.state();
    ++state.commits;
    Batch batch;
    counted.write_split(parts, batch);
    batch.put(Family::catalog, keys::state(database_.id()), state.encode());
    database_.engine_.commit(batch, Durability::buffered);
    const std::lock_guard lock(database_.publish_mutex_);
    counted.split(index, std::move(parts));
    database_.state_ = state;
}

}  // namespace divan::storage
