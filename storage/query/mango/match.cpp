#include "storage/query/mango/match.h"

#include <algorithm>

#include "storage/database/document_text.h"
#include "storage/query/mango/ranges.h"

namespace divan::storage::mango {
namespace {

/// Whether it can be told from a document's body alone, which has none of the members that start
/// with an underscore.
bool in_body(const std::vector<std::string>& fields) {
    return std::none_of(fields.begin(), fields.end(), [](const std::string& field) {
        return field.empty() || field.starts_with('_') || field.starts_with('\\');
    });
}

}  // namespace

Examined& Examined::operator+=(const Examined& other) {
    keys += other.keys;
    documents += other.documents;
    quorum_documents += other.quorum_documents;
    return *this;
}

Matcher::Matcher(const ReadView& view, const FindOptions& options)
    : view_(view),
      selector_(options.selector),
      fields_(options.fields),
      // With a quorum CouchDB reads the documents once more, and then without them.
      conflicts_(options.conflicts && options.r == 1),
      body_decides_(in_body(selector_fields(selector_))),
      body_answers_(!fields_.all() && in_body(fields_.names())) {}

bool Matcher::accept(std::string_view id, const RecordHead& head, const StoredBody& body,
                     std::optional<BytesView> record, std::string& out) const {
    if (body_decides_ && !selector_.matches(body.text())) return false;
    if (body_decides_ && body_answers_) {
        fields_.extract(body.text(), out);
        return true;
    }
    DocumentOptions options;
    options.conflicts = conflicts_;
    std::optional<DocumentRecord> tree;
    if (conflicts_ && head.several_leaves) {
        tree = record ? DocumentRecord::decode(*record) : view_.record(id);
    }
    thread_local std::string document;
    document.clear();
    append_document(document, view_, id, head.winner, body, tree ? &*tree : nullptr, options);
    if (!body_decides_ && !selector_.matches(document)) return false;
    fields_.extract(document, out);
    return true;
}

bool Matcher::accept_text(std::string_view document, std::string& out) const {
    if (!selector_.matches(document)) return false;
    fields_.extract(document, out);
    return true;
}

}  // namespace divan::storage::mango
