#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/handlers/documents/attachment_upload.h"
#include "server/handlers/documents/part_reader.h"

namespace divan::server {

/// Forms come from pages of this very host alone: couch_httpd:validate_referer/1.
Result<void> check_referer(const Request& request);
/// Throws `Refused` where the content type is not exactly multipart/form-data, parameters apart.
void require_form_type(const Request& request);

/// The form by which browsers send attachments: fields `_doc` (a document) or `_rev` (the revision
/// that is to have them as well), and files in `_attachments`. Lives on its loop's thread.
class DocumentForm {
public:
    /// Throws `Refused` where the request is no form.
    explicit DocumentForm(Call& call);

    Task<void> receive();
    /// The edit that the form asks for. Once only.
    Result<storage::Edit> edit(const std::string& id);
    /// The edit was committed.
    void keep();

private:
    Task<void> take_field(const std::string& name);
    Task<void> take_file(const std::string& name);
    Result<storage::Edit> edit_of_document(const std::string& id);
    Result<storage::Edit> edit_of_revision(const std::string& id);

    Call& call_;
    PartReader parts_;
    std::optional<std::string> document_;
    std::optional<std::string> revision_;
    std::vector<std::unique_ptr<AttachmentUpload>> uploads_;
    std::vector<storage::EditAttachment> attachments_;
};

}  // namespace divan::server
