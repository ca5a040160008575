#include "server/handlers/documents/document_form.h"

#include "server/handlers/documents/document_edit.h"
#include "server/handlers/documents/document_reply.h"
#include "server/handlers/documents/write_checks.h"

namespace divan::server {
namespace {

constexpr std::string_view default_type = "application/octet-stream";

/// The host and port of a URL.
std::string_view authority(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return {};
    const auto rest = url.substr(scheme + 3);
    return rest.substr(0, rest.find_first_of("/?#"));
}

}  // namespace

Result<void> check_referer(const Request& request) {
    const auto* referer = request.header("referer");
    if (referer == nullptr) return Error{Code::bad_request, "Referer header required.", {}};
    const auto* host = request.header("x-forwarded-host");
    if (host == nullptr) host = request.header("host");
    if (host != nullptr && authority(*referer) == *host) return {};
    return Error{Code::bad_request, "Referer header must match host.", {}};
}

void require_form_type(const Request& request) {
    if (request.content_type() == "multipart/form-data") return;
    throw Refused(Code::bad_content_type, "Content-Type must be multipart/form-data");
}

DocumentForm::DocumentForm(Call& call)
    : call_(call), parts_(call.request, request_bytes_max(call.services.config)) {}

Task<void> DocumentForm::receive() {
    while (true) {
        const auto event = co_await parts_.next();
        if (event == PartReader::Event::end) break;
        if (event != PartReader::Event::part_begin) continue;
        const auto* header = parts_.header("content-disposition");
        const std::string_view disposition = header ? *header : std::string_view();
        const auto name = storage::header_parameter(disposition, "name").value_or("");
        const auto file = storage::header_parameter(disposition, "filename");
        if (name == "_attachments" && file) {
            co_await take_file(*file);
        } else {
            co_await take_field(name);
        }
    }
    co_await parts_.finish();
}

Task<void> DocumentForm::take_field(const std::string& name) {
    auto text = co_await parts_.read_part(request_bytes_max(call_.services.config));
    if (name == "_doc" && !document_) document_ = std::move(text);
    if (name == "_rev" && !revision_) revision_ = std::move(text);
}

Task<void> DocumentForm::take_file(const std::string& name) {
    check_attachment_name(name).value();
    const auto* type = parts_.header("content-type");
    uploads_.push_back(std::make_unique<AttachmentUpload>(
        call_, UploadTarget{name, type ? *type : std::string(default_type), false}));
    auto& upload = *uploads_.back();
    while (true) {
        const auto event = co_await parts_.next();
        if (event != PartReader::Event::part_data) break;
        upload.buffer() += parts_.data();
        co_await upload.advance();
    }
    auto attachment = co_await upload.finish();
    attachments_.push_back(std::move(attachment));
}

Result<storage::Edit> DocumentForm::edit(const std::string& id) {
    auto edit = document_ ? edit_of_document(id) : edit_of_revision(id);
    if (!edit) return edit;
    for (auto& attachment : attachments_) attachment.stored.revpos = new_revpos(*edit);
    put_attachments_first(*edit, std::move(attachments_));
    return edit;
}

Result<storage::Edit> DocumentForm::edit_of_document(const std::string& id) {
    auto document = storage::parse_client_document(*document_);
    if (!document) return document.error();
    if (auto good = check_document(call_, *document); !good) return good.error();
    if (auto good = settle_document(call_.request, id, true, *document); !good) {
        return good.error();
    }
    return make_edit(std::move(*document), true, attachment_settings(call_.services.config));
}

Result<storage::Edit> DocumentForm::edit_of_revision(const std::string& id) {
    const auto revision = storage::parse_revision(revision_.value_or(""));
    if (!revision) return revision.error();
    const auto view = call_.db().view();
    const auto opened = open_document(*view, id, *revision);
    if (!opened) return opened.error();
    return edit_of(id, *revision, opened->body);
}

void DocumentForm::keep() {
    for (auto& upload : uploads_) upload->keep();
}

}  // namespace divan::server
