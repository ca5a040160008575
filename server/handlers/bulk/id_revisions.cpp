#include "server/handlers/bulk/id_revisions.h"

#include "server/handlers/revision_text.h"
#include "storage/document/client_document.h"

namespace divan::server {

std::vector<storage::PurgeRow> parse_id_revisions(const JsonValue& object,
                                                  const storage::Database& database) {
    std::vector<storage::PurgeRow> rows;
    rows.reserve(object.members().size());
    for (const auto& [id, list] : object.members()) {
        if (!list.is_array()) throw Refused(Code::bad_request, "Invalid list of revisions");
        if (database.entry().partitioned) storage::validate_partitioned_id(id).value();
        auto& row = rows.emplace_back();
        row.id = id;
        row.revisions.reserve(list.items().size());
        for (const auto& item : list.items()) {
            if (!item.is_string()) throw Refused(Code::bad_request, "Invalid rev format");
            row.revisions.push_back(storage::parse_revision(item.string()).value());
        }
    }
    return rows;
}

void append_revisions(std::string& out, const std::vector<storage::Revision>& revisions) {
    out.push_back('[');
    for (std::size_t i = 0; i < revisions.size(); ++i) {
        if (i > 0) out.push_back(',');
        append_revision_json(out, revisions[i]);
    }
    out.push_back(']');
}

}  // namespace divan::server
