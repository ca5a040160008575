#include "replication/http_document.h"

#include "replication/json_outline.h"
#include "storage/base/json.h"

namespace divan::replication {
namespace {

bool read_attachment(AttachmentOutline& attachment) {
    std::optional<std::uint64_t> length;
    std::optional<std::uint64_t> encoded_length;
    JsonMembers members(attachment.members);
    while (members.next()) {
        const auto key = members.key();
        const auto value = members.value();
        if (key == "follows") attachment.follows = value == "true";
        if (key == "data") attachment.has_data = true;
        if (key == "length") length = json_unsigned(value);
        if (key == "encoded_length") encoded_length = json_unsigned(value);
        if (key == "content_type") attachment.content_type = json_text(value).value_or("");
        if (key == "encoding") attachment.encoding = json_text(value).value_or("");
    }
    attachment.decoded_bytes = length.value_or(0);
    if (encoded_length) length = encoded_length;
    attachment.bytes = length.value_or(0);
    return members.complete() && (length || !attachment.follows);
}

bool read_attachments(DocumentOutline& outline) {
    JsonMembers members(outline.attachments_text);
    while (members.next()) {
        AttachmentOutline attachment;
        attachment.name = members.key();
        attachment.members = members.value();
        if (!read_attachment(attachment)) return false;
        outline.attachments.push_back(std::move(attachment));
    }
    return members.complete();
}

void append_follower(std::string& out, const AttachmentOutline& attachment) {
    out += '{';
    JsonMembers members(attachment.members);
    while (members.next()) {
        const auto key = members.key();
        if (key == "stub" || key == "follows" || key == "encoding" || key == "encoded_length") {
            continue;
        }
        append_json_string(out, key);
        out.append(":").append(members.value()).append(",");
    }
    out += "\"follows\":true}";
}

}  // namespace

std::optional<storage::Revision> revision_of(std::string_view value) {
    const auto text = json_text(value);
    if (!text) return std::nullopt;
    auto revision = storage::parse_revision(*text);
    if (!revision) return std::nullopt;
    return std::move(*revision);
}

std::optional<DocumentOutline> read_outline(std::string_view json) {
    DocumentOutline outline;
    bool has_id = false;
    bool has_revision = false;
    JsonMembers members(json);
    while (members.next()) {
        const auto key = members.key();
        if (!key.starts_with('_')) continue;
        if (key == "_id") {
            auto id = json_text(members.value());
            if (!id) return std::nullopt;
            outline.id = std::move(*id);
            has_id = true;
        } else if (key == "_rev") {
            auto revision = revision_of(members.value());
            if (!revision) return std::nullopt;
            outline.revision = std::move(*revision);
            has_revision = true;
        } else if (key == "_attachments") {
            outline.attachments_text = members.value();
        }
    }
    if (!members.complete() || !has_id || !has_revision) return std::nullopt;
    if (!outline.attachments_text.empty() && !read_attachments(outline)) return std::nullopt;
    return outline;
}

TravellingDocument travelling(const DocumentOutline& outline, std::string json) {
    TravellingDocument document;
    document.id = outline.id;
    document.revision = outline.revision;
    for (const auto& attachment : outline.attachments) {
        if (attachment.follows) document.attachment_bytes.push_back(attachment.bytes);
    }
    document.json = std::move(json);
    return document;
}

std::string with_followers(std::string_view json, const DocumentOutline& outline,
                           bool stubs_too) {
    const auto begin = static_cast<std::size_t>(outline.attachments_text.data() - json.data());
    std::string out(json.substr(0, begin));
    out += '{';
    for (std::size_t i = 0; i < outline.attachments.size(); ++i) {
        const auto& attachment = outline.attachments[i];
        if (i > 0) out += ',';
        append_json_string(out, attachment.name);
        out += ':';
        if (attachment.has_data || !(attachment.follows || stubs_too)) {
            out += attachment.members;
        } else {
            append_follower(out, attachment);
        }
    }
    out += '}';
    out += json.substr(begin + outline.attachments_text.size());
    return out;
}

}  // namespace divan::replication
