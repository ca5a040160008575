#include "server/handlers/bulk/bulk_get_writer.h"

#include "server/http/response.h"
#include "storage/base/random.h"

namespace divan::server {
namespace {

constexpr std::size_t attachment_piece_bytes = 64U << 10;

// CouchDB makes these objects of Erlang maps, whose members come out in this order.
void append_error_json(std::string& out, std::string_view id_json, std::string_view rev_json,
                       const Error& error) {
    const auto told = describe(error);
    out.append(R"({"rev":)").append(rev_json).append(R"(,"reason":)");
    told.append_reason(out);
    out.append(R"(,"id":)").append(id_json).append(R"(,"error":)");
    append_json_string(out, told.name);
    out.push_back('}');
}

Error missing() {
    return {Code::not_found, "missing", {}};
}

// A document that is not there, and no revision of it was asked for.
constexpr std::string_view no_revision_json = "\"undefined\"";

storage::DocumentOptions options_of(const BulkGetRow& row,
                                    const storage::DocumentOptions& options) {
    auto combined = options;
    if (row.atts_since) {
        combined.attachments = true;
        combined.atts_since = row.atts_since;
    }
    return combined;
}

// Names and types come from clients and go into header lines.
void append_header_text(std::string& out, std::string_view text) {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out.push_back(c);
    }
}

}  // namespace

bool BulkGetJson::append(std::string& out, std::size_t bytes) {
    const auto full = out.size() + bytes;
    if (!std::exchange(started_, true)) out += R"({"results":[)";
    while (out.size() < full) {
        const auto* found = reader_.next();
        if (!found) {
            out += "]}\n";
            return false;
        }
        if (!std::exchange(first_, false)) out.push_back(',');
        append_row(out, *found);
    }
    return true;
}

void BulkGetJson::append_row(std::string& out, const BulkGetReader::Found& found) {
    const auto& row = *found.row;
    const std::string id_json = row.error ? row.error->id_json : json_string(row.id);
    out.append(R"({"id":)").append(id_json).append(R"(,"docs":[)");
    const auto append_refused = [&](std::string_view rev_json, const Error& error) {
        out += R"({"error":)";
        append_error_json(out, id_json, rev_json, error);
        out.push_back('}');
    };
    if (row.error) {
        append_refused(row.error->rev_json, row.error->error);
    } else if (found.revisions.empty()) {
        append_refused(no_revision_json, missing());
    }
    const auto* options = &options_;
    storage::DocumentOptions combined;
    if (row.atts_since) {
        combined = options_of(row, options_);
        options = &combined;
    }
    bool first = true;
    for (const auto& one : found.revisions) {
        if (!std::exchange(first, false)) out.push_back(',');
        if (!one.body) {
            append_refused(json_string(to_string(one.revision)), missing());
            continue;
        }
        out += R"({"ok":)";
        append_document(out, reader_.view(), row.id, one.revision, *one.body, found.record,
                        *options);
        out.push_back('}');
    }
    out += "]}";
}

BulkGetMultipart::BulkGetMultipart(BulkGetReader reader, storage::DocumentOptions options,
                                   std::string boundary)
    : reader_(std::move(reader)), options_(std::move(options)), outer_(std::move(boundary)),
      inner_("--" + random_uuid()) {
    options_.attachments = true;
    options_.follows = true;
    options_.att_encoding_info = true;
}

bool BulkGetMultipart::append(std::string& out, std::size_t bytes) {
    const auto full = out.size() + bytes;
    while (out.size() < full) {
        if (attachment_ < attachments_.size()) {
            append_attachment(out);
        } else if (found_ && next_revision_ < found_->revisions.size()) {
            append_revision(out, found_->revisions[next_revision_++]);
        } else if (!next_row(out)) {
            if (any_) out.append("\r\n--").append(outer_).append("--\r\n");
            return false;
        }
    }
    return true;
}

bool BulkGetMultipart::next_row(std::string& out) {
    found_ = reader_.next();
    next_revision_ = 0;
    if (!found_) return false;
    any_ = true;
    const auto& row = *found_->row;
    if (!row.error && !found_->revisions.empty()) return true;
    std::string json;
    if (row.error) {
        append_error_json(json, row.error->id_json, row.error->rev_json, row.error->error);
    } else {
        append_error_json(json, json_string(row.id), no_revision_json, missing());
    }
    append_error(out, json);
    return true;
}

void BulkGetMultipart::append_error(std::string& out, std::string_view json) {
    out.append("\r\n--").append(outer_);
    out.append("\r\nContent-Type: application/json; error=\"true\"\r\n\r\n").append(json);
}

void BulkGetMultipart::append_revision(std::string& out, const storage::OpenRevision& revision) {
    if (!revision.body) {
        std::string json = R"({"rev":)";
        append_json_string(json, to_string(revision.revision));
        json += R"(,"error":"not_found","reason":"missing"})";
        append_error(out, json);
        return;
    }
    const auto& row = *found_->row;
    const auto options = options_of(row, options_);
    attachments_ = attachments_to_send(*revision.body, revision.revision, found_->record, options);
    attachment_ = 0;
    out.append("\r\n--").append(outer_);
    if (!attachments_.empty()) {
        out += "\r\nX-Doc-Id: ";
        append_header_text(out, row.id);
        out += "\r\nX-Rev-Id: ";
        append_header_text(out, to_string(revision.revision));
        out.append("\r\nContent-Type: multipart/related; boundary=\"").append(inner_);
        out.append("\"\r\n\r\n--").append(inner_);
    }
    out += "\r\nContent-Type: application/json\r\n\r\n";
    append_document(out, reader_.view(), row.id, revision.revision, *revision.body,
                    found_->record, options);
    if (!attachments_.empty()) {
        out.append("\r\n--").append(inner_);
        begin_attachment(out);
    }
}

void BulkGetMultipart::begin_attachment(std::string& out) {
    const auto& attachment = *attachments_[attachment_];
    offset_ = 0;
    out += "\r\nContent-Disposition: attachment; filename=\"";
    append_header_text(out, attachment.name);
    out += "\"\r\nContent-Type: ";
    append_header_text(out, attachment.content_type);
    out.append("\r\nContent-Length: ").append(std::to_string(attachment.stored_bytes));
    if (attachment.encoding == storage::AttachmentEncoding::gzip) {
        out += "\r\nContent-Encoding: gzip";
    }
    out += "\r\n\r\n";
}

void BulkGetMultipart::append_attachment(std::string& out) {
    const auto& attachment = *attachments_[attachment_];
    if (offset_ < attachment.stored_bytes) {
        const auto before = out.size();
        reader_.view().read_attachment(attachment, offset_, attachment_piece_bytes, out);
        offset_ += out.size() - before;
    }
    if (offset_ < attachment.stored_bytes) return;
    out.append("\r\n--").append(inner_);
    if (++attachment_ < attachments_.size()) {
        begin_attachment(out);
    } else {
        out += "--";
    }
}

}  // namespace divan::server
