#include "server/handlers/documents/document_query.h"

#include "server/handlers/documents/user_documents.h"
#include "storage/base/json.h"
#include "storage/document/client_document.h"
#include "storage/document/design_document.h"

namespace divan::server {
namespace {

using storage::Revision;

constexpr std::string_view escaped_slash = "%2f";

Error bad_request(std::string reason) {
    return {Code::bad_request, std::move(reason), {}};
}

// couch_doc:parse_revs/1.
Result<std::vector<Revision>> parse_revisions(std::string_view text) {
    const auto json = parse_json(text);
    if (!json) return json.error();
    if (!json->is_array()) return bad_request("Invalid list of revisions");
    std::vector<Revision> revisions;
    revisions.reserve(json->items().size());
    for (const auto& item : json->items()) {
        if (!item.is_string()) return bad_request("Invalid rev format");
        auto revision = storage::parse_revision(item.string());
        if (!revision) return revision.error();
        revisions.push_back(std::move(*revision));
    }
    return revisions;
}

void set_flag(DocumentQuery& query, std::string_view name) {
    auto& options = query.options;
    if (name == "attachments") options.attachments = true;
    if (name == "revs") options.revs = true;
    if (name == "local_seq") options.local_seq = true;
    if (name == "revs_info" || name == "meta") options.revs_info = true;
    if (name == "conflicts" || name == "meta") options.conflicts = true;
    if (name == "deleted_conflicts" || name == "meta") options.deleted_conflicts = true;
    if (name == "att_encoding_info") options.att_encoding_info = true;
    if (name == "latest") query.latest = true;
    if (name == "deleted") query.deleted_too = true;
}

Result<void> set_revisions(DocumentQuery& query, const QueryParameter& sent) {
    if (sent.name == "rev") {
        auto revision = storage::parse_revision(sent.value);
        if (!revision) return revision.error();
        query.revision = std::move(*revision);
    } else if (sent.name == "open_revs" && sent.value == "all") {
        query.all_open_revisions = true;
    } else if (sent.name == "open_revs" || sent.name == "atts_since") {
        auto revisions = parse_revisions(sent.value);
        if (!revisions) return revisions.error();
        if (sent.name == "atts_since") {
            query.options.atts_since = std::move(*revisions);
        } else {
            query.all_open_revisions = false;
            query.open_revisions = std::move(*revisions);
        }
    }
    return {};
}

bool same_letters(std::string_view text, std::string_view lower_case) {
    if (text.size() != lower_case.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower_case[i]) return false;
    }
    return true;
}

}  // namespace

Result<DocumentQuery> parse_document_query(const Request& request) {
    DocumentQuery query;
    for (const auto& sent : request.query) {
        if (sent.name == "new_edits") {
            if (sent.value == "false") query.new_edits = false;
            if (sent.value == "true") query.new_edits = true;
        } else if (sent.value == "true") {
            set_flag(query, sent.name);
        }
        if (auto set = set_revisions(query, sent); !set) return set.error();
    }
    if (query.options.atts_since) query.options.attachments = true;
    return query;
}

const std::string* first_parameter(const Request& request, std::string_view name) {
    for (const auto& sent : request.query) {
        if (sent.name == name) return &sent.value;
    }
    return nullptr;
}

Result<std::optional<Revision>> query_revision(const Request& request) {
    const auto* sent = first_parameter(request, "rev");
    if (sent == nullptr) return std::optional<Revision>();
    auto revision = storage::parse_revision(*sent);
    if (!revision) return revision.error();
    return std::optional<Revision>(std::move(*revision));
}

Result<std::optional<Revision>> agreed_revision(const Request& request,
                                                const std::optional<Revision>& named) {
    const auto* header = request.header("if-match");
    if (header == nullptr) return named;
    std::string_view text = *header;
    while (!text.empty() && text.front() == '"') text.remove_prefix(1);
    while (!text.empty() && text.back() == '"') text.remove_suffix(1);
    auto matched = storage::parse_revision(text);
    if (!matched) return matched.error();
    if (named && *named != *matched) {
        return bad_request("Document rev and etag have different values");
    }
    return std::optional<Revision>(std::move(*matched));
}

std::string document_id(const Call& call) {
    const auto& segments = call.request.segments;
    DIVAN_CHECK(segments.size() > 1);
    const bool prefixed = segments.size() > 2 && (segments[1] == "_design" ||
                                                  segments[1] == "_local");
    return prefixed ? segments[1] + "/" + segments[2] : segments[1];
}

Result<void> check_readable_id(const Call& call, std::string_view id) {
    if (auto shown = check_user_reader(call, id); !shown) return shown;
    return check_names_partition(call, id);
}

Result<void> check_names_partition(const Call& call, std::string_view id) {
    if (!call.db().entry().partitioned || id.starts_with('_')) return {};
    if (id.find(':') != std::string_view::npos) return {};
    return Error{Code::illegal_docid, "Doc id must be of form partition:id", {}};
}

Result<void> check_writable_id(const Call& call, std::string_view id) {
    if (auto valid = storage::validate_document_id(id); !valid) return valid;
    if (!call.db().entry().partitioned) return {};
    return storage::validate_partitioned_id(id);
}

std::optional<Response> design_redirect(const Call& call) {
    const auto& segments = call.request.segments;
    if (segments.size() < 2 || !storage::is_design_id(segments[1])) return std::nullopt;
    const std::string& target = call.request.target;
    for (auto at = target.find("_design"); at != std::string::npos;
         at = target.find("_design", at + 1)) {
        const auto slash = at + storage::design_prefix.size() - 1;
        if (!same_letters(std::string_view(target).substr(slash, escaped_slash.size()),
                          escaped_slash)) {
            continue;
        }
        Response response;
        response.status = 301;
        response.set("Location", absolute_uri(call.request, target.substr(0, slash) + "/" +
                                                                target.substr(slash + 3)));
        return response;
    }
    return std::nullopt;
}

}  // namespace divan::server
