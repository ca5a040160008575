#include "storage/document/client_document.h"

#include <algorithm>
#include <array>
#include <limits>

#include "storage/base/digest.h"
#include "storage/document/document_reader.h"

// Members whose name begins with `_` are taken out of the body and read here, in the order sent.
// Where one is refused, so is the document, with that member's sentence; but only after all of the
// text was seen to be JSON, because CouchDB parses all before it looks at anything.

namespace divan::storage {
namespace {

constexpr std::string_view default_content_type = "application/octet-stream";
constexpr std::string_view digest_prefix = "md5-";

// Of such members CouchDB takes no notice.
constexpr std::array<std::string_view, 4> ignored_members = {"_revs_info", "_local_seq",
                                                             "_conflicts", "_deleted_conflicts"};
// These belong to the body for all their underscore.
constexpr std::array<std::string_view, 6> body_members = {
    "_access",         "_replication_state", "_replication_state_time", "_replication_state_reason",
    "_replication_id", "_replication_stats"};

using Refusal = std::optional<Error>;

Error refusal(Code code, std::string reason) {
    return {code, std::move(reason), {}};
}

bool contains(std::span<const std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<std::uint64_t> natural(std::optional<TermView> value) {
    const auto number = value ? value->integer() : std::nullopt;
    if (!number || *number < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*number);
}

bool is_true(std::optional<TermView> value) {
    return value && value->boolean() == true;
}

Refusal read_id(TermView value, ClientDocument& document) {
    const auto id = value.binary();
    if (!id) return refusal(Code::illegal_docid, "Document id must be a string");
    if (auto valid = validate_document_id(*id); !valid) return valid.error();
    document.id = std::string(*id);
    return std::nullopt;
}

Refusal read_rev(TermView value, ClientDocument& document) {
    if (document.revision) return std::nullopt;  // `_revisions` came before, and wins.
    auto revision = parse_revision(value.text().value_or(BytesView()));
    if (!revision) return revision.error();
    document.revision = std::move(*revision);
    return std::nullopt;
}

Refusal read_revisions(TermView value, ClientDocument& document) {
    const auto start = value.find("start");
    const auto ids = value.find("ids");
    if (!start || !start->is_integer()) {
        return refusal(Code::doc_validation, "_revisions.start isn't an integer.");
    }
    if (!ids || !ids->is_list()) {
        return refusal(Code::doc_validation, "_revisions.ids isn't a array.");
    }
    const auto no_string = [] { return refusal(Code::doc_validation, "RevId isn't a string"); };
    const auto generation = natural(start);
    if (!generation || !ids->text().value_or(BytesView()).empty()) return no_string();

    std::vector<RevisionHash> hashes;
    Refusal refused;
    ids->items([&](TermView id) {
        if (refused) return;
        const auto text = id.text();
        if (!text) {
            refused = no_string();
        } else if (auto hash = parse_revision_hash(*generation, *text)) {
            hashes.push_back(std::move(*hash));
        } else {
            refused = refusal(Code::doc_validation, "RevId isn't a valid hexadecimal");
        }
    });
    if (refused) return refused;
    document.revision.reset();
    if (!hashes.empty()) {
        auto& newest = document.revision.emplace();
        newest.generation = *generation;
        newest.hash = hashes.front();
    }
    document.revisions_start = *generation;
    document.revisions = std::move(hashes);
    return std::nullopt;
}

/// Of a stub, or of one whose bytes follow in another part: lengths, encoding and digest.
Refusal read_stored_form(TermView value, ClientAttachment& attachment) {
    attachment.length = natural(value.find("length"));
    attachment.encoded_length = attachment.length;
    if (const auto encoding = value.find("encoding")) {
        const auto name = encoding->binary();
        if (name != "gzip" && name != "identity") {
            return refusal(Code::bad_request, "Unknown attachment encoding");
        }
        attachment.gzip = name == "gzip";
        if (const auto encoded = value.find("encoded_length")) {
            attachment.encoded_length = natural(encoded);
        }
    }
    const auto digest = value.find("digest");
    const auto text = digest ? digest->binary() : std::nullopt;
    if (!text || !text->starts_with(digest_prefix)) return std::nullopt;
    if (!base64_decode(text->substr(digest_prefix.size()))) {
        return refusal(Code::bad_request, "Invalid attachment digest");
    }
    attachment.digest = *text;
    return std::nullopt;
}

Refusal read_inline_data(TermView value, ClientAttachment& attachment) {
    const auto data = value.find("data");
    const auto text = data ? data->text() : std::nullopt;
    auto decoded = text ? base64_decode(*text) : std::nullopt;
    if (!decoded) {
        return refusal(Code::bad_request, "Invalid attachment data for " + attachment.name);
    }
    attachment.data = std::move(*decoded);
    return std::nullopt;
}

/// couch_att:from_json/2.
Refusal read_attachment(BytesView name, TermView value, ClientAttachment& attachment) {
    attachment.name = name;
    const auto type = value.find("content_type");
    const auto type_text = type ? type->binary() : default_content_type;
    attachment.content_type = type_text.value_or(default_content_type);

    const auto revpos = value.find("revpos");
    attachment.revpos = natural(revpos);
    if (is_true(value.find("stub"))) {
        attachment.kind = ClientAttachment::Kind::stub;
        // One that is no number fits no stored attachment.
        if (revpos && !attachment.revpos) {
            attachment.revpos = std::numeric_limits<std::uint64_t>::max();
        }
        return read_stored_form(value, attachment);
    }
    if (!type_text) {
        return refusal(Code::bad_request, "Attachment content_type must be a string");
    }
    if (is_true(value.find("follows"))) {
        attachment.kind = ClientAttachment::Kind::follows;
        return read_stored_form(value, attachment);
    }
    attachment.kind = ClientAttachment::Kind::inline_data;
    return read_inline_data(value, attachment);
}

Refusal read_attachments(TermView value, ClientDocument& document) {
    std::vector<ClientAttachment> attachments;
    Refusal refused;
    value.members([&](BytesView name, TermView entry) {
        // CouchDB passes over entries that are no objects (couch_doc:transfer_fields/3).
        if (refused || !entry.is_object()) return;
        refused = read_attachment(name, entry, attachments.emplace_back());
    });
    if (refused) return refused;
    document.attachments = std::move(attachments);
    return std::nullopt;
}

/// couch_doc:transfer_fields/3.
Refusal read_special(std::string_view name, TermView value, ClientDocument& document) {
    if (name == "_id") return read_id(value, document);
    if (name == "_rev") return read_rev(value, document);
    if (name == "_revisions" && value.is_object()) return read_revisions(value, document);
    if (name == "_attachments" && value.is_object()) return read_attachments(value, document);
    if (name == "_deleted" && value.boolean()) {
        document.deleted = *value.boolean();
        return std::nullopt;
    }
    if (contains(ignored_members, name)) return std::nullopt;
    return refusal(Code::doc_validation, "Bad special document member: " + std::string(name));
}

/// chttpd_db:validate_attachment_names/1, once the document is read.
Refusal check_attachment_names(const ClientDocument& document) {
    for (const auto& attachment : document.attachments) {
        if (!attachment.name.starts_with('_')) continue;
        return refusal(Code::bad_request, "Attachment name '" + attachment.name +
                                              "' starts with prohibited character '_'");
    }
    return std::nullopt;
}

}  // namespace

Error invalid_json() {
    return refusal(Code::bad_request, "invalid UTF-8 JSON");
}

Error no_json_object() {
    return refusal(Code::bad_request, "Document must be a JSON object");
}

Refusal read_document(JsonNormaliser& normaliser, ClientDocument& document) {
    auto& members = normaliser.members();
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto name = normaliser.key_of(members[i]);
        if (members[i].dead || !name.starts_with('_') || contains(body_members, name)) continue;
        members[i].dead = true;
        if (auto refused = read_special(name, normaliser.value_of(i), document)) return refused;
    }
    if (auto refused = check_attachment_names(document)) return refused;
    normaliser.append_live_members(document.body, document.term);
    return std::nullopt;
}

Result<ClientDocument> parse_client_document(std::string_view json) {
    const NormaliserUse use;
    auto& normaliser = *use;
    if (!normaliser.load(json)) return invalid_json();
    const bool is_object = normaliser.peek() == '{';
    const bool read = is_object ? normaliser.root_object() : normaliser.value();
    if (!read || !normaliser.at_end()) return invalid_json();
    if (!is_object) return no_json_object();

    ClientDocument document;
    if (auto refused = read_document(normaliser, document)) return std::move(*refused);
    return document;
}

}  // namespace divan::storage
