#include "server/handlers/documents/write_checks.h"

#include "auth/permissions.h"
#include "storage/database/read_view.h"
#include "storage/document/design_document.h"

namespace divan::server {
namespace {

constexpr std::int64_t document_bytes_max = 8'000'000;
constexpr std::int64_t attachment_bytes_max = 1'073'741'824;

// couch_db:check_is_admin/1.
Result<void> check_database_admin(const Identity& who, const storage::Database& database) {
    if (who.server_admin()) return {};
    if (auth::is_database_admin(who, database.settings()->security)) return {};
    const auto code = who.name.empty() ? Code::unauthorized : Code::forbidden;
    return Error{code, "You are not a db or server admin.", {}};
}

}  // namespace

WriteLimits write_limits(const Config& config) {
    const auto read = [&config](std::string_view key, std::int64_t otherwise) {
        const auto bytes = config.get_integer("couchdb", key, otherwise);
        return static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0));
    };
    return {read("max_document_size", document_bytes_max),
            read("max_attachment_size", attachment_bytes_max)};
}

storage::AttachmentSettings attachment_settings(const Config& config) {
    storage::AttachmentSettings settings;
    const auto level =
        config.get_integer("attachments", "compression_level", settings.compression_level);
    settings.compression_level = static_cast<int>(std::clamp<std::int64_t>(level, 0, 9));
    settings.compressible_types =
        config.get("attachments", "compressible_types", settings.compressible_types);
    return settings;
}

Result<void> check_limits(const storage::ClientDocument& document, const WriteLimits& limits) {
    if (document.body.size() > limits.document_bytes_max) {
        return Error{Code::document_too_large, document.id.value_or(""), {}};
    }
    for (const auto& attachment : document.attachments) {
        const auto bytes = std::max<std::uint64_t>(attachment.data.size(),
                                                   attachment.length.value_or(0));
        if (attachment.kind != storage::ClientAttachment::Kind::stub &&
            bytes > limits.attachment_bytes_max) {
            return Error{Code::attachment_too_large, attachment.name, {}};
        }
    }
    return {};
}

Result<void> judge_design_document(const EditContext& context, ProposedEdit& proposed) {
    const auto& edit = proposed.edit();
    if (!storage::is_design_id(edit.id)) return {};
    auto judged = check_database_admin(context.who, context.database);
    if (judged.has_error()) return judged;
    return storage::validate_design_document(edit.id, edit.body,
                                             context.database.entry().partitioned);
}

}  // namespace divan::server
