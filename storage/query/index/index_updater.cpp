#include "storage/query/index/index_updater.h"

#include <algorithm>
#include <future>
#include <span>

#include "storage/database/document_text.h"
#include "storage/database/purge_history.h"
#include "storage/database/read_view.h"
#include "storage/document/design_document.h"

namespace divan::storage {

namespace {

constexpr std::size_t bodies_together = 100;

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

struct IndexUpdater::Texts {
    std::vector<std::pair<std::string_view, std::string>> documents;
    std::size_t bytes = 0;
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
    const auto end = std::chrono::steady_clock::now() + time;
    begin();
    if (!pass_) return true;
    try {
        std::future<std::unique_ptr<Mapped>> ahead;  // Waited for here, also where this throws.
        auto batch = map_batch();
        while (batch) {
            const bool more = !stopped() && std::chrono::steady_clock::now() < end;
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
    const auto until = std::chrono::steady_clock::now() + limits_.batch_time;
    auto out = std::make_unique<Mapped>(*definition_);
    std::vector<Change> group;
    while (!pass_->ended && out->rows.bytes() < limits_.batch_bytes &&
           out->changes < limits_.batch_documents && std::chrono::steady_clock::now() < until) {
        group.clear();
        read_group(*out, group);
        map_group(*out, group);
    }
    if (pass_->ended) out->sequence = pass_->view->state().update_sequence;
    pass_->mapped_to = out->sequence;
    out->rows.finish();
    return out;
}

void IndexUpdater::read_group(Mapped& out, std::vector<Change>& group) {
    while (group.size() < limits_.map_documents) {
        const auto* change = pass_->changes.next();
        if (change == nullptr) {
            pass_->ended = true;
            return;
        }
        ++out.changes;
        out.sequence = change->sequence;
        if (!definition_->include_design && is_design_id(change->id)) continue;
        group.push_back(*change);
    }
}

void IndexUpdater::map_group(Mapped& out, const std::vector<Change>& group) {
    std::vector<const Change*> live;
    for (const auto& change : group) {
        if (change.deleted()) {
            out.rows.add_document(change.id);
        } else {
            live.push_back(&change);
        }
    }
    // Bodies are read, and mapped, a part at a time: they may be large.
    Texts texts;
    for (std::size_t from = 0; from < live.size(); from += bodies_together) {
        const auto part =
            std::span(live).subspan(from, std::min(bodies_together, live.size() - from));
        std::vector<ReadView::BodyName> names;
        for (const auto* change : part) {
            names.push_back({change->id, change->leaves.front().revision});
        }
        const auto bodies = pass_->view->bodies(names);
        for (std::size_t i = 0; i < part.size(); ++i) {
            if (!bodies[i]) throw CorruptBytes();
            add_text(texts, *part[i], *bodies[i]);
            if (texts.bytes >= limits_.map_bytes) map_texts(out, texts);
        }
    }
    map_texts(out, texts);
}

void IndexUpdater::add_text(Texts& texts, const Change& change, const StoredBody& body) const {
    DocumentOptions options;
    options.local_seq = definition_->local_seq;
    options.conflicts = definition_->conflicts && change.leaves.size() > 1;
    options.deleted_conflicts = options.conflicts;
    std::optional<DocumentRecord> record;
    if (options.needs_tree()) record = pass_->view->record(change.id);
    auto& text = texts.documents.emplace_back(change.id, std::string()).second;
    append_document(text, *pass_->view, change.id, change.leaves.front().revision, body,
                    record ? &*record : nullptr, options);
    texts.bytes += text.size();
}

void IndexUpdater::map_texts(Mapped& out, Texts& texts) const {
    if (texts.documents.empty()) return;
    std::vector<MapDocument> documents;
    documents.reserve(texts.documents.size());
    out.rows.begin_group();
    for (const auto& [id, text] : texts.documents) {
        out.rows.add_document(id);
        documents.push_back({id, text});
    }
    definition_->mapper->map(documents, out.rows);
    texts = {};
}

}  // namespace divan::storage
