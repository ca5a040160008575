#include "server/handlers/bulk/bulk_get_reader.h"

#include <algorithm>

#include "storage/document/client_document.h"

namespace divan::server {
namespace {

using storage::Revision;

constexpr std::size_t window_rows_max = 128;
constexpr std::uint64_t window_bytes_max = 1U << 20;

BulkGetError bad_row(std::string id_json, std::string rev_json, Code code, std::string reason) {
    return {std::move(id_json), std::move(rev_json), Error{code, std::move(reason), {}}};
}

Result<void> check_id(std::string_view id, bool partitioned) {
    auto checked = storage::validate_document_id(id);
    if (checked.has_error() || !partitioned) return checked;
    return storage::validate_partitioned_id(id);
}

/// The revision, or the row's error.
std::optional<Revision> parse_rev(const JsonValue& rev, BulkGetRow& row) {
    if (rev.is_string()) {
        auto parsed = storage::parse_revision(rev.string());
        if (parsed.has_value()) return *std::move(parsed);
    }
    row.error = bad_row(json_string(row.id), rev.dump(), Code::bad_request, "Invalid rev format");
    return std::nullopt;
}

void parse_atts_since(const JsonValue& since, BulkGetRow& row) {
    if (!since.is_array()) {
        row.error = bad_row(json_string(row.id), since.dump(), Code::bad_request,
                            "att_since value must be array of revs.");
        return;
    }
    if (since.items().empty()) return;
    auto& known = row.atts_since.emplace();
    for (const auto& item : since.items()) {
        auto revision = parse_rev(item, row);
        if (!revision) return;
        known.push_back(*std::move(revision));
    }
}

BulkGetRow parse_row(const JsonValue& sent, bool partitioned) {
    BulkGetRow row;
    if (!sent.is_object() || sent.members().empty()) {
        row.error = bad_row("null", "null", Code::bad_request, "document must be a JSON object");
        return row;
    }
    const JsonValue* id = sent.find("id");
    if (!id) {
        row.error = bad_row("null", "null", Code::bad_request, "document id missed");
        return row;
    }
    // CouchDB refuses the whole request, with a 500.
    if (!id->is_string()) throw Refused(Code::illegal_docid, "Document id must be a string");
    if (auto checked = check_id(id->string(), partitioned); checked.has_error()) {
        row.error = BulkGetError{id->dump(), "null", checked.error()};
        return row;
    }
    row.id = id->string();
    if (const JsonValue* rev = sent.find("rev")) {
        auto revision = parse_rev(*rev, row);
        if (!revision) return row;
        row.revisions.emplace().push_back(*std::move(revision));
    }
    if (const JsonValue* since = sent.find("atts_since")) parse_atts_since(*since, row);
    return row;
}

}  // namespace

std::vector<BulkGetRow> parse_bulk_get(const JsonValue& docs, bool partitioned) {
    std::vector<BulkGetRow> rows;
    rows.reserve(docs.items().size());
    for (const auto& sent : docs.items()) rows.push_back(parse_row(sent, partitioned));
    return rows;
}

BulkGetReader::BulkGetReader(std::shared_ptr<const storage::ReadView> view,
                             std::vector<BulkGetRow> rows, bool latest)
    : view_(std::move(view)), rows_(std::move(rows)), latest_(latest),
      window_rows_(window_rows_max) {}

const BulkGetReader::Found* BulkGetReader::next() {
    if (next_found_ == window_.size()) {
        if (next_row_ == rows_.size()) return nullptr;
        load_window();
    }
    return &window_[next_found_++];
}

void BulkGetReader::load_window() {
    const auto count = std::min(window_rows_, rows_.size() - next_row_);
    std::vector<std::string> ids;
    ids.reserve(count);
    for (std::size_t i = 0; i < count; ++i) ids.push_back(rows_[next_row_ + i].id);
    records_ = view_->records(ids);

    choose(count);
    load_bodies();
    // Large documents make the next window smaller, so that records are not read in vain.
    window_rows_ = std::min(window_rows_max, 2 * window_.size());
    next_row_ += window_.size();
    next_found_ = 0;
}

void BulkGetReader::choose(std::size_t count) {
    window_.clear();
    chosen_.clear();
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < count && (i == 0 || bytes < window_bytes_max); ++i) {
        auto& found = window_.emplace_back();
        auto& chosen = chosen_.emplace_back();
        found.row = &rows_[next_row_ + i];
        if (found.row->error) continue;
        if (!records_[i]) {
            if (!found.row->revisions) continue;
            for (const auto& revision : *found.row->revisions) chosen.push_back({revision, {}});
            continue;
        }
        found.record = &*records_[i];
        chosen = storage::choose_revisions(found.record->tree, found.row->revisions, latest_);
        storage::sort_as_trees(found.record->tree, chosen);
        for (const auto& one : chosen) {
            if (one.index) bytes += found.record->tree.node(*one.index).body_bytes;
        }
    }
}

void BulkGetReader::load_bodies() {
    std::vector<storage::ReadView::BodyName> names;
    names.reserve(window_.size());
    const auto has_body = [this](std::size_t i, const storage::ChosenRevision& one) {
        return one.index && window_[i].record->tree.node(*one.index).has_body;
    };
    for (std::size_t i = 0; i < window_.size(); ++i) {
        for (const auto& one : chosen_[i]) {
            if (has_body(i, one)) names.push_back({window_[i].row->id, one.revision});
        }
    }
    auto bodies = view_->bodies(names);
    auto body = bodies.begin();
    for (std::size_t i = 0; i < window_.size(); ++i) {
        for (auto& one : chosen_[i]) {
            std::optional<storage::StoredBody> text;
            if (has_body(i, one)) text = std::move(*body++);
            window_[i].revisions.push_back({std::move(one.revision), std::move(text)});
        }
    }
}

}  // namespace divan::server
