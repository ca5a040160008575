#include "server/handlers/queries/all_docs_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "server/handlers/revision_text.h"
#include "storage/database/all_docs.h"
#include "storage/database/document_text.h"
#include "storage/database/local_docs.h"
#include "storage/document/design_document.h"
#include "storage/query/json_text.h"

namespace divan::server {
namespace {

using storage::AllDocsScan;
using storage::Database;
using storage::IdRange;
using storage::LocalDocs;
using storage::LocalDocsScan;
using storage::ReadView;

constexpr std::string_view local_prefix = "_local/";

std::string null_or(const std::optional<std::uint64_t>& number) {
    return number ? std::to_string(*number) : "null";
}

/// `update_seq` is empty where it was not asked for.
void append_head(std::string& out, const std::optional<std::uint64_t>& total,
                 const std::optional<std::uint64_t>& offset, std::string_view update_seq) {
    out += fmt::format("{{\"total_rows\":{},\"offset\":{},", null_or(total), null_or(offset));
    if (!update_seq.empty()) out += fmt::format("\"update_seq\":{},", update_seq);
    out += "\"rows\":[\r\n";
}

/// `{"id":ID,"key":ID,"value":{"rev":REV`: what follows is up to the row.
void begin_row(std::string& out, std::string_view id) {
    out += "{\"id\":";
    const auto from = out.size();
    append_json_string(out, id);
    const auto size = out.size() - from;
    out += ",\"key\":";
    // Written once more rather than escaped once more. `append` of a part of itself may move it.
    const auto to = out.size();
    out.resize(to + size);
    std::copy_n(out.data() + from, size, out.data() + to);
    out += ",\"value\":{\"rev\":";
}

storage::DocumentOptions document_options(const RowQuery& query) {
    storage::DocumentOptions options;
    options.conflicts = query.conflicts.value_or(false);
    options.attachments = query.attachments;
    options.att_encoding_info = query.att_encoding_info;
    return options;
}

/// Where a limit lies among the ids that start with a prefix.
struct Limit {
    enum class Place : std::uint8_t { none, below, at, above };
    Place place = Place::none;
    std::string id;
};

/// Where there is no key its docid counts: couch_mrview_util's ad_skey_opts/1 and ad_ekey_opts/1.
Limit limit_of(const std::optional<JsonValue>& key, const std::optional<std::string>& docid,
               std::string_view prefix) {
    if (!key && !docid) return {};
    // What is no string sorts below every id.
    if (key && !key->is_string()) return {Limit::Place::below, {}};
    const std::string_view id = key ? key->string() : *docid;
    if (id.starts_with(prefix)) return {Limit::Place::at, std::string(id.substr(prefix.size()))};
    return {id < prefix ? Limit::Place::below : Limit::Place::above, {}};
}

IdRange range_of(const RowQuery& query, std::string_view prefix) {
    IdRange range;
    range.descending = query.descending;
    range.inclusive_end = query.inclusive_end;
    range.skip = query.skip;
    range.limit = query.limit;
    const auto beyond_all = query.descending ? Limit::Place::below : Limit::Place::above;
    const auto before_all = query.descending ? Limit::Place::above : Limit::Place::below;

    auto start = limit_of(query.start_key, query.start_key_docid, prefix);
    if (start.place == Limit::Place::at) range.start = std::move(start.id);
    // An id is never empty: below "" there is nothing, and above it everything.
    if (start.place == beyond_all) {
        if (query.descending) range.start.emplace();
        range.limit = 0;
    }
    auto end = limit_of(query.end_key, query.end_key_docid, prefix);
    if (end.place == Limit::Place::at) range.end = std::move(end.id);
    if (end.place == before_all) range.limit = 0;
    return range;
}

class DocumentRange final : public RowList {
public:
    DocumentRange(const RowQuery& query, bool design_only, std::shared_ptr<const ReadView> view)
        : query_(query), design_only_(design_only), view_(std::move(view)) {}

    void head(std::string& out) override {
        auto range = range_of(query_, {});
        range.design_only = design_only_;
        scan_.emplace(view_, std::move(range));
        const auto& database = view_->database();
        append_head(out, scan_->total_rows(), scan_->offset(),
                    query_.update_seq ? json_string(database.sequence_text(
                                            view_->state().update_sequence))
                                      : std::string());
    }

    bool row(std::string& out) override {
        const auto* row = scan_->next();
        if (row == nullptr) return false;
        begin_row(out, row->id);
        append_revision_json(out, row->head.winner);
        out.push_back('}');
        if (query_.include_docs) append_doc(out, *row);
        out.push_back('}');
        return true;
    }

private:
    void append_doc(std::string& out, const AllDocsScan::Row& row) {
        out += ",\"doc\":";
        const auto body = scan_->body();
        if (!body) {
            out += "null";
            return;
        }
        std::optional<storage::DocumentRecord> record;
        if (options_.conflicts && row.head.several_leaves) {
            record = storage::DocumentRecord::decode(row.record);
        }
        append_document(out, *view_, row.id, row.head.winner, *body, record ? &*record : nullptr,
                        options_);
    }

    const RowQuery query_;
    const storage::DocumentOptions options_ = document_options(query_);
    const bool design_only_;
    std::shared_ptr<const ReadView> view_;
    std::optional<AllDocsScan> scan_;
};

void append_local_row(std::string& out, std::string_view id, const storage::LocalDoc& doc,
                      bool include_docs) {
    begin_row(out, id);
    out += fmt::format("\"0-{}\"}}", doc.edit_count);
    if (include_docs) {
        out += ",\"doc\":{\"_id\":";
        append_json_string(out, id);
        out += fmt::format(",\"_rev\":\"0-{}\"", doc.edit_count);
        if (doc.body.size() > 2) out.append(",").append(doc.body, 1, doc.body.size() - 2);
        out.push_back('}');
    }
    out.push_back('}');
}

/// Checkpoints of CouchDB's own, which came with its databases:
/// couch_mrview:should_skip_local_document/2.
bool is_system_checkpoint(std::string_view id, const storage::LocalDoc& doc) {
    const auto has = [&](std::string_view member) {
        return storage::JsonText(doc.body).member(member).has_value();
    };
    if (id.starts_with("purge-")) return has("purge_seq");
    return id.starts_with("shard-sync") && has("target_uuid") && has("seq");
}

class LocalRange final : public RowList {
public:
    LocalRange(const RowQuery& query, std::shared_ptr<const ReadView> view)
        : query_(query), view_(std::move(view)) {}

    void head(std::string& out) override {
        auto range = range_of(query_, local_prefix);
        left_ = std::exchange(range.limit, row_limit_max);
        scan_.emplace(view_, std::move(range));
        append_head(out, {}, {}, query_.update_seq ? "null" : "");
    }

    bool row(std::string& out) override {
        while (left_ > 0) {
            const auto* row = scan_->next();
            if (row == nullptr) return false;
            if (query_.without_system && is_system_checkpoint(row->id, row->doc)) continue;
            --left_;
            id_.assign(local_prefix).append(row->id);
            append_local_row(out, id_, row->doc, query_.include_docs);
            return true;
        }
        return false;
    }

private:
    const RowQuery query_;
    std::shared_ptr<const ReadView> view_;
    std::optional<LocalDocsScan> scan_;
    std::uint64_t left_ = 0;
    std::string id_;
};

/// The documents of `keys`, in their order.
class KeyedDocuments final : public RowList {
public:
    KeyedDocuments(DocumentKind kind, const RowQuery& query, std::shared_ptr<Database> database,
                   std::shared_ptr<const ReadView> view)
        : kind_(kind), query_(query), database_(std::move(database)), view_(std::move(view)) {
        const auto given = query_.keys->items();
        const auto skip = std::min<std::uint64_t>(query_.skip, given.size());
        left_ = std::min<std::uint64_t>(query_.limit, given.size() - skip);
        at_ = static_cast<std::size_t>(skip);
    }

    void head(std::string& out) override {
        append_head(out, total(), {}, query_.update_seq ? "null" : "");
    }

    bool row(std::string& out) override {
        while (left_ > 0) {
            const auto keys = query_.keys->items();
            const auto& key = query_.descending ? keys[keys.size() - 1 - at_] : keys[at_];
            ++at_;
            --left_;
            if (!of_kind(key)) continue;
            if (!key.is_string() || !append_found(out, key.string())) append_missing(out, key);
            return true;
        }
        return false;
    }

private:
    std::optional<std::uint64_t> total() const {
        if (kind_ == DocumentKind::local) return std::nullopt;
        if (kind_ == DocumentKind::all) return view_->state().document_count;
        IdRange designs;
        designs.design_only = true;
        return AllDocsScan(view_, designs).total_rows();
    }

    /// `_design_docs` and `_local_docs` drop other keys.
    bool of_kind(const JsonValue& key) const {
        if (kind_ == DocumentKind::all) return true;
        if (!key.is_string()) return false;
        return kind_ == DocumentKind::design ? storage::is_design_id(key.string())
                                             : key.string().starts_with(local_prefix);
    }

    static void append_missing(std::string& out, const JsonValue& key) {
        out += "{\"key\":";
        key.dump_to(out);
        out += ",\"error\":\"not_found\"}";
    }

    bool append_found(std::string& out, const std::string& id) {
        if (id.starts_with(local_prefix)) {
            const auto name = std::string_view(id).substr(local_prefix.size());
            const auto doc = LocalDocs(*database_).get(name);
            if (doc) append_local_row(out, id, *doc, query_.include_docs);
            return doc.has_value();
        }
        const auto head = view_->head(id);
        if (!head) return false;
        begin_row(out, id);
        append_revision_json(out, head->winner);
        out += head->deleted ? ",\"deleted\":true}" : "}";
        if (query_.include_docs) append_doc(out, id, *head);
        out.push_back('}');
        return true;
    }

    void append_doc(std::string& out, const std::string& id, const storage::RecordHead& head) {
        out += ",\"doc\":";
        std::optional<storage::StoredBody> body;
        if (!head.deleted) body = view_->body(id, head.winner);
        if (!body) {
            out += "null";
            return;
        }
        std::optional<storage::DocumentRecord> record;
        if (options_.conflicts && head.several_leaves) record = view_->record(id);
        append_document(out, *view_, id, head.winner, *body, record ? &*record : nullptr, options_);
    }

    const DocumentKind kind_;
    const RowQuery query_;
    const storage::DocumentOptions options_ = document_options(query_);
    std::shared_ptr<Database> database_;
    std::shared_ptr<const ReadView> view_;
    std::size_t at_ = 0;
    std::uint64_t left_ = 0;
};

}  // namespace

std::unique_ptr<RowList> list_documents(DocumentKind kind, const RowQuery& query,
                                        std::shared_ptr<Database> database,
                                        std::shared_ptr<const ReadView> view) {
    if (query.keys) {
        return std::make_unique<KeyedDocuments>(kind, query, std::move(database), std::move(view));
    }
    if (kind == DocumentKind::local) return std::make_unique<LocalRange>(query, std::move(view));
    return std::make_unique<DocumentRange>(query, kind == DocumentKind::design, std::move(view));
}

}  // namespace divan::server
