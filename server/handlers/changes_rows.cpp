#include "server/handlers/changes_rows.h"

#include <algorithm>
#include <charconv>

#include "server/handlers/revision_text.h"
#include "server/handlers/row_answer.h"

// The subtle parts of a feed are its last sequence and its pending count. Both are as
// fabric_view_changes:handle_message/3 tells them: a change that a filter drops moves the feed too,
// and the limit is noticed only when there is a further change.

namespace divan::server {
namespace {

using storage::Change;
using storage::StoredBody;

constexpr std::size_t batch_plain = 64;
constexpr std::size_t batch_first = 16;
constexpr std::size_t batch_most = 256;
/// A filter may drop everything: how many changes are looked at before others get their turn.
constexpr std::size_t examined_max = 8192;

std::string token_of(const storage::Database& database) {
    const auto text = database.sequence_text(Sequence{});
    return text.substr(text.find_first_not_of("0123456789"));
}

void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    const auto written = std::to_chars(digits, digits + sizeof digits, number);
    out.append(digits, written.ptr);
}

}  // namespace

ChangesRows::ChangesRows(std::shared_ptr<storage::Database> database, ChangesQuery query,
                         ChangesFilter filter, Sequence start)
    : database_(std::move(database)),
      query_(std::move(query)),
      filter_(std::move(filter)),
      sequence_token_(token_of(*database_)),
      at_(start),
      left_(query_.limit) {
    batch_max_ = with_bodies() ? batch_first : batch_plain;
    shown_.conflicts = query_.conflicts;
    shown_.attachments = query_.attachments;
    shown_.att_encoding_info = query_.att_encoding_info;
    // A filter sees `_conflicts` where they are asked for, but not in each leaf by itself.
    judged_.conflicts = query_.conflicts && !query_.all_leaves;
}

FeedRows::Filled ChangesRows::fill(std::string& out, FeedFrame& frame) {
    if (!stream_) {
        view_ = database_->view();
        stream_ = open_changes(view_, filter_, at_, query_.descending);
    }
    const auto full = out.size() + piece_bytes;
    for (std::size_t examined = 0; out.size() < full && examined < examined_max; ++examined) {
        if (next_ == batch_size_ && !load()) return exhausted(frame);
        judge();
        if (left_ == 0) return limit_reached(frame);
        at_ = batch_[next_].sequence;
        if (!passed_.empty()) {
            append_row(out, frame);
            --left_;
        }
        ++next_;
    }
    return Filled::more;
}

/// Takes the next changes, and the bodies of their winners where rows or the filter need them.
bool ChangesRows::load() {
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(batch_max_, left_ == UINT64_MAX ? left_ : left_ + 1));
    if (batch_.size() < wanted) batch_.resize(wanted);
    next_ = 0;
    batch_size_ = 0;
    while (batch_size_ < wanted) {
        const auto* change = stream_->next();
        if (change == nullptr) break;
        batch_[batch_size_++] = *change;
    }
    if (batch_size_ == 0 || !with_bodies()) return batch_size_ > 0;
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

FeedRows::Filled ChangesRows::exhausted(const FeedFrame& frame) {
    at_ = stream_->end(at_);
    pending_ = stream_->pending_at_end();
    release();
    const bool complete = query_.descending || (left_ == 0 && ends_at_limit(frame));
    return complete ? Filled::complete : Filled::drained;
}

FeedRows::Filled ChangesRows::limit_reached(const FeedFrame& frame) {
    const auto& change = batch_[next_];
    const bool passes = !passed_.empty();
    if (query_.limit == 0) {
        pending_ = stream_->pending(change.sequence) + (passes ? 1 : 0);
    } else {
        pending_ = stream_->pending(at_);
    }
    if (!passes) at_ = change.sequence;
    if (ends_at_limit(frame)) return Filled::complete;
    release();
    return Filled::drained;
}

/// A long poll that may tell nothing waits all the same.
bool ChangesRows::ends_at_limit(const FeedFrame& frame) const {
    return frame.kind() != FeedKind::longpoll || query_.limit > 0;
}

void ChangesRows::release() {
    stream_.reset();
    view_.reset();
    batch_ = {};
    bodies_ = {};
    passed_ = {};
    scratch_ = {};
    verdicts_ = {};
    next_ = batch_size_ = 0;
}

void ChangesRows::judge() {
    const auto& change = batch_[next_];
    passed_.clear();
    const auto leaves = query_.all_leaves ? change.leaves.size() : std::size_t{1};
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

void ChangesRows::ask_function() {
    verdict_ = 0;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < batch_size_; ++i) {
        const auto& change = batch_[i];
        const auto record = view_->record(change.id);
        const auto leaves = query_.all_leaves ? change.leaves.size() : std::size_t{1};
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

bool ChangesRows::selected(const Change& change, const Leaf& leaf, const StoredBody* body) {
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
void ChangesRows::append_text(std::string& out, const Change& change, const StoredBody& body,
                              const storage::DocumentOptions& options) const {
    std::optional<storage::DocumentRecord> record;
    if (options.conflicts && change.leaves.size() > 1) record = view_->record(change.id);
    append_document(out, *view_, change.id, change.leaves.front().revision, body,
                    record ? &*record : nullptr, options);
}

void ChangesRows::append_row(std::string& out, FeedFrame& frame) {
    const auto& change = batch_[next_];
    sequence_text_ = "null";
    if (left_ % query_.seq_interval == 0) {
        sequence_text_ = "\"";
        append_number(sequence_text_, change.sequence.value);
        sequence_text_.append(sequence_token_).push_back('"');
    }
    frame.begin_row(out);
    out.append("{\"seq\":").append(sequence_text_).append(",\"id\":");
    append_json_string(out, change.id);
    out += ",\"changes\":[";
    for (const auto* leaf : passed_) {
        out += leaf == passed_.front() ? "{\"rev\":" : ",{\"rev\":";
        append_revision_json(out, leaf->revision);
        out.push_back('}');
    }
    out.push_back(']');
    if (change.deleted()) out += ",\"deleted\":true";
    if (query_.include_docs) {
        append_doc(out, change, bodies_[next_] ? &*bodies_[next_] : nullptr);
    }
    out.push_back('}');
    frame.end_row(out, sequence_text_);
}

void ChangesRows::append_doc(std::string& out, const Change& change, const StoredBody* body) {
    if (body == nullptr) {
        out += ",\"doc\":null";
        return;
    }
    out += ",\"doc\":";
    if (!filter_.fields || filter_.fields->all()) {
        append_text(out, change, *body, shown_);
        return;
    }
    scratch_.clear();
    append_text(scratch_, change, *body, shown_);
    filter_.fields->extract(scratch_, out);
}

void ChangesRows::close(std::string& out, const FeedFrame& frame) {
    std::string last = "\"";
    append_number(last, at_.value);
    last.append(sequence_token_).push_back('"');
    frame.close(out, last, pending_);
}

}  // namespace divan::server
