#include "server/handlers/queries/view_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "server/handlers/documents/document_query.h"
#include "server/handlers/documents/local_docs.h"
#include "storage/database/document_text.h"
#include "storage/database/local_docs.h"
#include "storage/engine/keys.h"
#include "storage/query/view/script_functions.h"
#include "storage/query/view/view_scan.h"

namespace divan::server {
namespace {

using storage::Collation;
using storage::EntryRange;
using storage::GroupScan;
using storage::IndexRow;
using storage::JsonText;
using storage::RowScan;

/// So many rows are in a few nodes of the index.
constexpr std::uint64_t brief_rows_max = 128;

/// The stretches of a tree that a query means: couch_mrview_util:all_docs_key_opts/1 and its like.
class Ranges {
public:
    Ranges(const RowQuery& query, Collation collation, Bytes prefix)
        : query_(query), collation_(collation), prefix_(std::move(prefix)) {}

    /// Of several keys in the order of `keys`.
    std::vector<EntryRange> all() const {
        std::vector<EntryRange> ranges;
        if (!query_.keys) {
            ranges.push_back(between(query_.start_key, query_.end_key));
            return ranges;
        }
        for (const auto& key : query_.keys->items()) ranges.push_back(between(key, key));
        return ranges;
    }

private:
    EntryRange between(const std::optional<JsonValue>& start,
                       const std::optional<JsonValue>& end) const {
        const auto& low = query_.descending ? end : start;
        const auto& high = query_.descending ? start : end;
        const auto& low_id = query_.descending ? query_.end_key_docid : query_.start_key_docid;
        const auto& high_id = query_.descending ? query_.start_key_docid : query_.end_key_docid;
        const bool low_in = !query_.descending || query_.inclusive_end;
        const bool high_in = query_.descending || query_.inclusive_end;
        EntryRange range;
        range.lower = low ? place(*low, low_id) : prefix_;
        if (low && !low_in) range.lower = storage::keys::after_prefix(range.lower);
        range.upper = high ? place(*high, high_id) : storage::keys::after_prefix(prefix_);
        if (high && high_in) range.upper = storage::keys::after_prefix(range.upper);
        return range;
    }
    /// How entries begin that have this key, and this document where one is named.
    Bytes place(const JsonValue& key, const std::optional<std::string>& id) const {
        Bytes entry = prefix_;
        const auto text = key.dump();
        storage::append_collation_key(entry, JsonText(text), collation_);
        if (id) ByteWriter(entry).ordered(*id);
        return entry;
    }

    const RowQuery& query_;
    const Collation collation_;
    const Bytes prefix_;
};

class ViewList : public RowList {
protected:
    ViewList(const RowQuery& query, ViewReading reading)
        : query_(query),
          reading_(std::move(reading)),
          tree_(reading_.index->tree(reading_.view.tree)) {}

    Collation collation() const {
        return reading_.group->definition->trees[reading_.view.tree].collation;
    }
    Bytes prefix() const {
        Bytes prefix;
        if (query_.partition && reading_.group->definition->partitioned) {
            storage::append_partition_key(prefix, *query_.partition);
        }
        return prefix;
    }
    std::vector<EntryRange> ranges() const { return Ranges(query_, collation(), prefix()).all(); }
    storage::ScanOptions options() const { return {query_.descending, query_.skip, query_.limit}; }
    void append_update_seq(std::string& out) const {
        if (!query_.update_seq) return;
        out += "\"update_seq\":";
        append_json_string(out,
                           reading_.index->view->database().sequence_text(tree_.state().changed));
        out.push_back(',');
    }

    const RowQuery query_;
    const ViewReading reading_;
    const storage::IndexTree tree_;
};

// -------------------------------------------------------------------------------- documents

/// What `include_docs` puts into rows: couch_mrview_util:maybe_load_doc/4, and for linked documents
/// fabric_view:possibly_embed_doc/2.
class RowDocuments {
public:
    RowDocuments(const storage::ReadView& view, const RowQuery& query) : view_(view) {
        own_.conflicts = query.conflicts.value_or(false);
        own_.attachments = query.attachments;
        own_.att_encoding_info = query.att_encoding_info;
    }

    void append(std::string& out, const std::string& id, BytesView row_value) const {
        const JsonText value(row_value);
        const auto linked = value.member("_id");
        const auto revision = value.member("_rev");
        if (!linked) return append_found(out, id, revision, own_);
        std::string scratch;
        if (linked->kind() != JsonText::Kind::string) {
            out += "null";
            return;
        }
        append_found(out, std::string(linked->string(scratch)), revision, {});
    }

private:
    void append_found(std::string& out, const std::string& id,
                      const std::optional<JsonText>& revision,
                      const storage::DocumentOptions& options) const {
        if (revision) return append_revision(out, id, *revision, options);
        if (is_local_id(id)) return append_local(out, id.substr(local_prefix.size()));
        const auto head = view_.head(id);
        if (!head || head->deleted) {
            out += "null";
            return;
        }
        append_body(out, id, head->winner, options, head->several_leaves);
    }
    void append_local(std::string& out, const std::string& name) const {
        const auto doc = storage::local_doc(view_, name);
        out += doc ? local_document_json(name, *doc, false) : "null";
    }
    void append_revision(std::string& out, const std::string& id, const JsonText& text,
                         const storage::DocumentOptions& options) const {
        std::string scratch;
        if (text.kind() == JsonText::Kind::string) {
            const auto revision = storage::parse_revision(text.string(scratch));
            if (revision) return append_body(out, id, *revision, options, true);
        }
        out += "null";
    }
    void append_body(std::string& out, const std::string& id, const storage::Revision& revision,
                     storage::DocumentOptions options, bool several_leaves) const {
        const auto body = view_.body(id, revision);
        if (!body) {
            out += "null";
            return;
        }
        std::optional<storage::DocumentRecord> record;
        if (options.conflicts && several_leaves) record = view_.record(id);
        if (!record) options.conflicts = false;
        append_document(out, view_, id, revision, *body, record ? &*record : nullptr, options);
    }

    const storage::ReadView& view_;
    storage::DocumentOptions own_;
};

// ------------------------------------------------------------------------------------- lists

class MappedRows final : public ViewList {
public:
    MappedRows(const RowQuery& query, ViewReading reading)
        : ViewList(query, std::move(reading)),
          documents_(*reading_.index->view, query_),
          scan_(tree_, ordered_ranges(), options()) {}

    void head(std::string& out) override {
        out +=
            fmt::format("{{\"total_rows\":{},\"offset\":{},", tree_.state().rows, scan_.offset());
        append_update_seq(out);
        out += "\"rows\":[\r\n";
    }

    bool row(std::string& out) override {
        const auto* row = scan_.next();
        if (row == nullptr) return false;
        const auto id = row->id();
        out += "{\"id\":";
        append_json_string(out, id);
        out.append(",\"key\":").append(row->key);
        out.append(",\"value\":").append(row->value);
        if (query_.include_docs) {
            out += ",\"doc\":";
            documents_.append(out, id, row->value);
        }
        out.push_back('}');
        return true;
    }

    bool brief() const override {
        return query_.limit <= brief_rows_max && !query_.include_docs && !query_.keys;
    }

private:
    /// fabric_view_map merges rows by the place of their key, from behind where they descend;
    /// fabric_view_reduce goes by the keys alone.
    std::vector<EntryRange> ordered_ranges() const {
        auto found = ranges();
        if (query_.descending) std::reverse(found.begin(), found.end());
        return found;
    }

    const RowDocuments documents_;
    RowScan scan_;
};

class ReducedRows final : public ViewList {
public:
    ReducedRows(const RowQuery& query, ViewReading reading)
        : ViewList(query, std::move(reading)),
          scan_(tree_, *reading_.view.reducer, reading_.group->reducer(reading_.view), ranges(),
                grouping(), options()) {}

    void head(std::string& out) override {
        out.push_back('{');
        append_update_seq(out);
        out += "\"rows\":[\r\n";
    }

    bool row(std::string& out) override {
        const auto group = scan_.next();
        if (!group) return false;
        const auto overflow = storage::reduce_overflow(group->value);
        if (!overflow.empty()) {
            out += "{\"key\":null,\"error\":\"reduce_overflow_error\",\"reason\":";
            append_json_string(out, overflow);
        } else {
            out.append("{\"key\":").append(group->key);
            out.append(",\"value\":").append(group->value);
        }
        out.push_back('}');
        return true;
    }

private:
    GroupScan::Grouping grouping() const {
        const auto level = group_level(query_);
        return {level == row_limit_max ? GroupScan::exact : static_cast<std::size_t>(level),
                collation(), prefix().size()};
    }

    GroupScan scan_;
};

}  // namespace

Result<void> check_range(const RowQuery& query, const ViewReading& reading) {
    if (!query.start_key || !query.end_key) return {};
    const auto start = query.start_key->dump();
    const auto end = query.end_key->dump();
    if (start == end) return {};
    const auto collation = reading.group->definition->trees[reading.view.tree].collation;
    const auto from = storage::collation_key(JsonText(start), collation);
    const auto to = storage::collation_key(JsonText(end), collation);
    // Where no document is named, the range has all of the key's.
    const std::string_view last = "\xff";
    const std::string_view from_id = query.start_key_docid
                                         ? std::string_view(*query.start_key_docid)
                                         : (query.descending ? last : std::string_view());
    const std::string_view to_id = query.end_key_docid
                                       ? std::string_view(*query.end_key_docid)
                                       : (query.descending ? std::string_view() : last);
    const bool ascends = from != to ? from < to : from_id < to_id;
    if (ascends != query.descending) return {};
    return Error{Code::query_parse_error,
                 fmt::format("No rows can match your key range, reverse your start_key and end_key "
                             "or set descending={}",
                             !query.descending),
                 {}};
}

std::unique_ptr<RowList> list_view(const RowQuery& query, ViewReading reading) {
    if (reading.view.reducer && query.reduce != false) {
        return std::make_unique<ReducedRows>(query, std::move(reading));
    }
    return std::make_unique<MappedRows>(query, std::move(reading));
}

}  // namespace divan::server
