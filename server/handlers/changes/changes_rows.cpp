#include "server/handlers/changes/changes_rows.h"

#include <charconv>

#include "server/handlers/queries/row_answer.h"
#include "server/handlers/revision_text.h"

// The subtle parts of a feed are its last sequence and its pending count. Both are as
// fabric_view_changes:handle_message/3 tells them: a change that a filter drops moves the feed too,
// and the limit is noticed only when there is a further change.

namespace divan::server {
namespace {

using storage::Change;
using storage::StoredBody;

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
    : query_(std::move(query)),
      sequence_token_(token_of(*database)),
      picker_(std::move(database), std::move(filter),
              {query_.descending, query_.all_leaves, query_.conflicts, query_.include_docs}),
      at_(start),
      left_(query_.limit) {
    shown_.conflicts = query_.conflicts;
    shown_.attachments = query_.attachments;
    shown_.att_encoding_info = query_.att_encoding_info;
}

FeedRows::Filled ChangesRows::fill(std::string& out, FeedFrame& frame) {
    picker_.open(at_);
    const auto full = out.size() + piece_bytes;
    for (std::size_t examined = 0; out.size() < full && examined < examined_max; ++examined) {
        // One more than the rest of the limit tells that there is more.
        if (!picker_.next(left_ == UINT64_MAX ? left_ : left_ + 1)) return exhausted(frame);
        if (left_ == 0) return limit_reached(frame);
        at_ = picker_.change().sequence;
        if (!picker_.passed().empty()) {
            append_row(out, frame);
            --left_;
        }
    }
    return Filled::more;
}

FeedRows::Filled ChangesRows::exhausted(const FeedFrame& frame) {
    const auto& stream = picker_.stream();
    // A feed that has told as much as it may stays at its last row.
    pending_ = left_ > 0 || query_.limit == 0 ? stream.pending_at_end() : stream.pending(at_);
    if (left_ > 0) at_ = stream.end(at_);
    picker_.release();
    const bool complete = query_.descending || (left_ == 0 && ends_at_limit(frame));
    return complete ? Filled::complete : Filled::drained;
}

FeedRows::Filled ChangesRows::limit_reached(const FeedFrame& frame) {
    const auto& change = picker_.change();
    const auto& stream = picker_.stream();
    const bool passes = !picker_.passed().empty();
    if (query_.limit == 0) {
        pending_ = stream.pending(change.sequence) + (passes ? 1 : 0);
    } else {
        pending_ = stream.pending(at_);
    }
    if (!passes) at_ = change.sequence;
    if (ends_at_limit(frame)) return Filled::complete;
    picker_.release();
    return Filled::drained;
}

/// A long poll that may tell nothing waits all the same.
bool ChangesRows::ends_at_limit(const FeedFrame& frame) const {
    return frame.kind() != FeedKind::longpoll || query_.limit > 0;
}

void ChangesRows::append_row(std::string& out, FeedFrame& frame) {
    const auto& change = picker_.change();
    const auto& passed = picker_.passed();
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
    for (const auto* leaf : passed) {
        out += leaf == passed.front() ? "{\"rev\":" : ",{\"rev\":";
        append_revision_json(out, leaf->revision);
        out.push_back('}');
    }
    out.push_back(']');
    if (change.deleted()) out += ",\"deleted\":true";
    if (query_.include_docs) {
        append_doc(out, change, picker_.body());
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
    const auto& fields = picker_.filter().fields;
    if (!fields || fields->all()) {
        picker_.append_text(out, change, *body, shown_);
        return;
    }
    scratch_.clear();
    picker_.append_text(scratch_, change, *body, shown_);
    fields->extract(scratch_, out);
}

void ChangesRows::close(std::string& out, const FeedFrame& frame) {
    std::string last = "\"";
    append_number(last, at_.value);
    last.append(sequence_token_).push_back('"');
    frame.close(out, last, pending_);
}

}  // namespace divan::server
