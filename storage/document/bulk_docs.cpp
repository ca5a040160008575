#include "storage/document/client_document.h"
#include "storage/document/document_reader.h"

namespace divan::storage {
namespace {

Error bad_request(std::string reason) {
    return {Code::bad_request, std::move(reason), {}};
}

/// Reads the body of `_bulk_docs` as it stands: documents are made on the way, and what is wrong
/// is kept until all of the text was seen to be JSON. Of a repeated member the last counts.
class BulkReader {
public:
    explicit BulkReader(JsonNormaliser& normaliser) : normaliser_(normaliser) {}

    /// False where it is no JSON.
    bool read() {
        is_object_ = normaliser_.peek() == '{';
        if (!is_object_) return normaliser_.value() && normaliser_.at_end();
        normaliser_.take('{');
        if (!normaliser_.take('}')) {
            do {
                if (!read_member()) return false;
            } while (normaliser_.take(','));
            if (!normaliser_.take('}')) return false;
        }
        return normaliser_.at_end();
    }

    /// In the order of chttpd_db: the body, each document, then the flag.
    Result<BulkDocsRequest> finish() {
        if (!is_object_) return bad_request("Request body must be a JSON object");
        if (docs_ == Docs::missing) return bad_request("POST body must include `docs` parameter.");
        if (docs_ == Docs::no_array) return bad_request("`docs` parameter must be an array.");
        for (const auto& document : request_.docs) {
            if (new_edits_ != false || document.revision) continue;
            return bad_request(
                "When `new_edits: false`, the document needs `_rev` or `_revisions` specified");
        }
        if (refused_) return std::move(*refused_);
        if (!new_edits_) return bad_request("`new_edits` parameter must be a boolean.");
        request_.new_edits = *new_edits_;
        return std::move(request_);
    }

private:
    enum class Docs : std::uint8_t { missing, no_array, array };

    bool read_member() {
        normaliser_.clear();
        std::string_view name;
        if (!normaliser_.key(name)) return false;
        if (name == "docs") return read_docs();
        const bool is_new_edits = name == "new_edits";
        const bool is_all_or_nothing = name == "all_or_nothing";
        normaliser_.clear();
        if (!normaliser_.value()) return false;
        if (is_new_edits) new_edits_ = normaliser_.raw_term().boolean();
        if (is_all_or_nothing) {
            request_.all_or_nothing = normaliser_.raw_term().boolean() == true;
        }
        return true;
    }

    bool read_docs() {
        request_.docs.clear();
        refused_.reset();
        if (!normaliser_.take('[')) {
            docs_ = Docs::no_array;
            normaliser_.clear();
            return normaliser_.value();
        }
        docs_ = Docs::array;
        if (normaliser_.take(']')) return true;
        do {
            if (!read_row()) return false;
        } while (normaliser_.take(','));
        return normaliser_.take(']');
    }

    bool read_row() {
        normaliser_.clear();
        if (normaliser_.peek() != '{') {
            if (!refused_) refused_ = no_json_object();
            return normaliser_.value();
        }
        if (!normaliser_.root_object()) return false;
        if (refused_) return true;
        ClientDocument& document = request_.docs.emplace_back();
        refused_ = read_document(normaliser_, document);
        if (refused_) request_.docs.pop_back();
        return true;
    }

    JsonNormaliser& normaliser_;
    BulkDocsRequest request_;
    bool is_object_ = false;
    Docs docs_ = Docs::missing;
    std::optional<bool> new_edits_ = true;  ///< Empty where it was no boolean.
    std::optional<Error> refused_;          ///< Of the first bad row; the ones before it are kept.
};

}  // namespace

Result<BulkDocsRequest> parse_bulk_docs(std::string_view json) {
    const NormaliserUse use;
    if (!(*use).load(json)) return invalid_json();
    BulkReader reader(*use);
    if (!reader.read()) return invalid_json();
    return reader.finish();
}

}  // namespace divan::storage
