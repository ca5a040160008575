#include "server/handlers/changes/changes_picker.h"

#include <algorithm>
#include <utility>

#include "server/handlers/queries/row_answer.h"

namespace divan::server {
namespace {

using storage::Change;
using storage::StoredBody;

constexpr std::size_t batch_plain = 64;
constexpr std::size_t batch_first = 16;
constexpr std::size_t batch_most = 256;

bool judges_bodies(const ChangesFilter& filter) {
    return filter.kind == ChangesFilter::Kind::selector ||
           filter.kind == ChangesFilter::Kind::function;
}

}  // namespace

ChangesPicker::ChangesPicker(std::shared_ptr<storage::Database> database, ChangesFilter filter,
                             Wish wish)
    : database_(std::move(database)),
      filter_(std::move(filter)),
      wish_(wish),
      with_bodies_(wish.bodies || judges_bodies(filter_)),
      batch_max_(with_bodies_ ? batch_first : batch_plain) {
    // A filter sees `_conflicts` where they are asked for, but not in each leaf by itself.
    judged_.conflicts = wish_.conflicts && !wish_.all_leaves;
}

void ChangesPicker::open(Sequence since) {
    if (stream_) return;
    view_ = database_->view();
    stream_ = open_changes(view_, filter_, since, wish_.descending, std::exchange(walked_, true));
}

bool ChangesPicker::next(std::uint64_t wanted) {
    if (std::exchange(on_change_, false)) ++next_;
    if (next_ == batch_size_ && !load(wanted)) return false;
    judge();
    on_change_ = true;
    return true;
}

const StoredBody* ChangesPicker::body() const {
    return with_bodies_ && bodies_[next_] ? &*bodies_[next_] : nullptr;
}

/// Takes the next changes, and the bodies of their winners where rows or the filter need them.
bool ChangesPicker::load(std::uint64_t wanted_max) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(batch_max_, wanted_max));
    if (batch_.size() < wanted) batch_.resize(wanted);
    next_ = 0;
    batch_size_ = 0;
    while (batch_size_ < wanted) {
        const auto* change = stream_->next();
        if (change == nullptr) break;
        batch_[batch_size_++] = *change;
    }
    if (batch_size_ == 0 || !with_bodies_) return batch_size_ > 0;
    std::vector<storage::ReadView::BodyName> names;
    names.reserve(batch_size_);
    for (std::size_t i = 0; i < batch_size_; ++i) {
        names.push_back({batch_[i].id, batch_[i].leaves.front().revision});
    }
    bodies_ = view_->bodies(names);
    std::size_t bytes = 0;
    for (const auto& body : bodies_) bytes += body ? body->text().size() : 0;
    // As many at once as about fill a piece: bodies can be of any size.
    batch_max_ = std::clamp(piece_bytes / (bytes / batch_size_ + 1), std::size_t{1}, batch_most);
    if (filter_.kind == ChangesFilter::Kind::function) ask_function();
    return true;
}

void ChangesPicker::release() {
    stream_.reset();
    view_.reset();
    batch_ = {};
    bodies_ = {};
    passed_ = {};
    scratch_ = {};
    verdicts_ = {};
    next_ = batch_size_ = 0;
    on_change_ = false;
}

void ChangesPicker::judge() {
    const auto& change = batch_[next_];
    passed_.clear();
    const auto leaves = wish_.all_leaves ? change.leaves.size() : std::size_t{1};
    for (std::size_t i = 0; i < leaves; ++i) {
        const auto& leaf = change.leaves[i];
        if (filter_.kind == ChangesFilter::Kind::selector) {
            const auto other = i > 0 ? view_->body(change.id, leaf.revision)
                                     : std::optional<StoredBody>();
            const auto& body = i > 0 ? other : bodies_[next_];
            if (!selected(change, leaf, body ? &*body : nullptr)) continue;
        } else if (filter_.kind == ChangesFilter::Kind::function) {
            if (!verdicts_[verdict_++]) continue;
        }
        passed_.push_back(&leaf);
    }
}

void ChangesPicker::ask_function() {
    verdict_ = 0;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < batch_size_; ++i) {
        const auto& change = batch_[i];
        const auto record = view_->record(change.id);
        const auto leaves = wish_.all_leaves ? change.leaves.size() : std::size_t{1};
        for (std::size_t n = 0; n < leaves; ++n) {
            const auto& revision = change.leaves[n].revision;
            const auto other =
                n > 0 ? view_->body(change.id, revision) : std::optional<StoredBody>();
            const auto& body = n > 0 ? other : bodies_[i];
            auto options = judged_;
            options.revs = true;
            options.revs_max = filter_.revs_max;
            auto& text = texts.emplace_back();
            if (body) {
                append_document(text, *view_, change.id, revision, *body,
                                record ? &*record : nullptr, options);
            } else {
                text = "null";
            }
        }
    }
    const std::vector<BytesView> documents(texts.begin(), texts.end());
    verdicts_ = filter_.function(documents);
}

bool ChangesPicker::selected(const Change& change, const Leaf& leaf, const StoredBody* body) {
    if (body == nullptr) return false;
    scratch_.clear();
    if (&leaf == &change.leaves.front()) {
        append_text(scratch_, change, *body, judged_);
    } else {
        append_document(scratch_, *view_, change.id, leaf.revision, *body, nullptr, {});
    }
    return filter_.selector.matches(scratch_);
}

/// The winner.
void ChangesPicker::append_text(std::string& out, const Change& change, const StoredBody& body,
                              const storage::DocumentOptions& options) const {
    std::optional<storage::DocumentRecord> record;
    if (options.conflicts && change.leaves.size() > 1) record = view_->record(change.id);
    append_document(out, *view_, change.id, change.leaves.front().revision, body,
                    record ? &*record : nullptr, options);
}

}  // namespace divan::server
