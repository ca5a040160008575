#include "storage/query/index/index_updater.h"

#include <algorithm>
#include <future>
#include <utility>

#include "storage/database/document_text.h"
#include "storage/database/purge_history.h"
#include "storage/document/design_document.h"
#include "storage/query/index/map_stage.h"

namespace divan::storage {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t bodies_together = 100;

/// Where this share of a database is read at once, its bodies are walked through, not looked up.
constexpr std::uint64_t walked_share = 16;

/// Groups of changes grow up to this size while their bodies are small and quickly mapped: sorted
/// by id, the more there are the closer together their bodies lie.
constexpr std::size_t group_changes_max = 10'000;
constexpr std::size_t group_bytes_to_grow = 4U << 20;
constexpr std::chrono::milliseconds group_time_to_grow{200};

}  // namespace

/// One walk over the changes of a moment: every document comes once in it.
struct IndexUpdater::Pass {
    Pass(std::shared_ptr<const ReadView> of, Sequence since)
        : view(std::move(of)), changes(view, since), fresh(since.value == 0) {}

    std::shared_ptr<const ReadView> view;
    ChangesScan changes;
    bool fresh;  ///< The index was empty when it began.
    Sequence mapped_to;
    bool ended = false;
};

struct IndexUpdater::Mapped {
    explicit Mapped(const IndexDefinition& definition) : rows(definition) {}

    RowBatch rows;
    Sequence sequence;
    std::uint64_t changes = 0;
};

IndexUpdater::IndexUpdater(std::shared_ptr<Database> database,
                           std::shared_ptr<const IndexDefinition> definition, UpdateLimits limits)
    : database_(std::move(database)),
      definition_(std::move(definition)),
      limits_(limits),
      store_(*database_, *definition_) {}

IndexUpdater::~IndexUpdater() = default;

bool IndexUpdater::up_to_date() const {
    const auto state = database_->state();
    return head().sequence >= state.update_sequence &&
           head().purge_sequence == state.purge_sequence;
}

void IndexUpdater::begin() {
    if (!pass_ && !up_to_date()) begin_pass();
}

bool IndexUpdater::run(std::chrono::milliseconds time, const std::function<bool()>& stopped) {
    const auto end = Clock::now() + time;
    begin();
    if (!pass_) return true;
    try {
        std::future<std::unique_ptr<Mapped>> ahead;  // Waited for here, also where this throws.
        auto batch = map_batch();
        while (batch) {
            const bool more = !stopped() && Clock::now() < end;
            if (more) ahead = std::async(std::launch::async, [this] { return map_batch(); });
            store_.apply(batch->rows, batch->sequence, head().purge_sequence, pass_->fresh);
            done_ += batch->changes;
            batch = more ? ahead.get() : nullptr;
        }
    } catch (...) {
        pass_.reset();  // It is past what was not written.
        throw;
    }
    if (!pass_->ended || pass_->mapped_to > head().sequence) return false;
    pass_.reset();
    return up_to_date();
}

void IndexUpdater::begin_pass() {
    auto view = database_->view();
    const auto& state = view->state();
    const auto forgotten = [&] {
        const auto missed = state.purge_sequence - head().purge_sequence;
        return missed > 0 && missed > purge_history(*view).size();
    };
    // Ahead of a database that was restored, or behind purges that nobody remembers.
    if (head().sequence > state.update_sequence || head().purge_sequence > state.purge_sequence ||
        forgotten()) {
        store_.reset(state.purge_sequence);
    }
    if (head().purge_sequence < state.purge_sequence) remove_purged(*view);
    done_ = 0;
    total_ = count_changes(*view, head().sequence);
    pass_ = std::make_unique<Pass>(std::move(view), head().sequence);
}

// What a purge leaves of a document has a new sequence and comes with the changes; what it takes
// away altogether has none any more.
void IndexUpdater::remove_purged(const ReadView& view) {
    const auto now = view.state().purge_sequence;
    const auto history = purge_history(view);
    const auto missed = now - head().purge_sequence;
    std::vector<std::string> ids;
    for (auto row = history.end() - static_cast<std::ptrdiff_t>(missed); row != history.end();
         ++row) {
        if (!view.head(row->id)) ids.push_back(row->id);
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    RowBatch gone(*definition_);
    for (const auto& id : ids) gone.add_document(id);
    store_.apply(gone, head().sequence, now, false);
}

// ----------------------------------------------------------------------------------- mapping

std::unique_ptr<IndexUpdater::Mapped> IndexUpdater::map_batch() {
    if (pass_->ended) return nullptr;
    const auto until = Clock::now() + limits_.batch_time;
    auto out = std::make_unique<Mapped>(*definition_);
    MapStage stage(*definition_->mapper, out->rows);
    MapLot lot;
    std::size_t size = limits_.map_documents;
    while (!pass_->ended && out->rows.bytes() < limits_.batch_bytes &&
           out->changes < limits_.batch_documents && Clock::now() < until) {
        const auto started = Clock::now();
        const auto bytes = map_group(read_group(*out, size), lot, stage);
        const bool grow =
            bytes < group_bytes_to_grow && Clock::now() - started < group_time_to_grow;
        size = grow ? std::min(2 * size, group_changes_max) : limits_.map_documents;
    }
    stage.finish(std::move(lot));
    if (pass_->ended) out->sequence = pass_->view->state().update_sequence;
    pass_->mapped_to = out->sequence;
    out->rows.finish();
    return out;
}

std::vector<Change> IndexUpdater::read_group(Mapped& out, std::size_t size) {
    std::vector<Change> group;
    while (group.size() < size) {
        const auto* change = pass_->changes.next();
        if (change == nullptr) {
            pass_->ended = true;
            break;
        }
        ++out.changes;
        out.sequence = change->sequence;
        if (!definition_->include_design && is_design_id(change->id)) continue;
        group.push_back(*change);
    }
    std::sort(group.begin(), group.end(),
              [](const Change& one, const Change& other) { return one.id < other.id; });
    return group;
}

std::size_t IndexUpdater::map_group(const std::vector<Change>& group, MapLot& lot,
                                    MapStage& stage) {
    std::vector<const Change*> live;
    for (const auto& change : group) {
        if (change.deleted()) {
            lot.deleted.push_back(change.id);
        } else {
            live.push_back(&change);
        }
    }
    const auto& state = pass_->view->state();
    std::optional<BodyWalk> walk;
    if (live.size() >= bodies_together &&
        live.size() * walked_share >= state.document_count + state.deleted_count) {
        walk.emplace(pass_->view);
    }
    std::size_t bytes = 0;
    // Bodies are read, and mapped, a part at a time: they may be large.
    for (std::size_t from = 0; from < live.size(); from += bodies_together) {
        const auto part =
            std::span(live).subspan(from, std::min(bodies_together, live.size() - from));
        for (const auto& [change, body] : read_bodies(part, walk)) {
            if (lot.bytes >= limits_.map_bytes || lot.documents.size() >= limits_.map_documents) {
                stage.begin(std::exchange(lot, {}));
            }
            bytes += add_text(lot, *change, body);
        }
    }
    return bytes;
}

std::vector<std::pair<const Change*, StoredBody>> IndexUpdater::read_bodies(
    std::span<const Change* const> changes, std::optional<BodyWalk>& walk) const {
    std::vector<ReadView::BodyName> names;
    for (const auto* change : changes) {
        names.push_back({change->id, change->leaves.front().revision});
    }
    std::vector<std::optional<StoredBody>> bodies;
    if (walk) {
        for (const auto& name : names) bodies.push_back(walk->body(name.id, name.revision));
    } else {
        bodies = pass_->view->bodies(names);
    }
    std::vector<std::pair<const Change*, StoredBody>> read;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        if (!bodies[i]) throw CorruptBytes();
        read.emplace_back(changes[i], std::move(*bodies[i]));
    }
    return read;
}

std::size_t IndexUpdater::add_text(MapLot& lot, const Change& change,
                                   const StoredBody& body) const {
    DocumentOptions options;
    options.local_seq = definition_->local_seq;
    options.conflicts = definition_->conflicts && change.leaves.size() > 1;
    options.deleted_conflicts = options.conflicts;
    std::optional<DocumentRecord> record;
    if (options.needs_tree()) record = pass_->view->record(change.id);
    auto& text = lot.documents.emplace_back(change.id, std::string()).second;
    append_document(text, *pass_->view, change.id, change.leaves.front().revision, body,
                    record ? &*record : nullptr, options);
    lot.bytes += text.size();
    return text.size();
}

}  // namespace divan::storage
