#include "test/support/compare_databases.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "storage/base/digest.h"
#include "storage/database/changes.h"
#include "storage/database/read_view.h"

namespace divan::test {
namespace {

using namespace storage;

std::string path_text(const RevisionTree& tree, RevisionTree::Index leaf) {
    std::string text;
    for (const auto& revision : tree.path(leaf)) {
        if (!text.empty()) text += '<';
        append_revision(text, revision);
    }
    return text;
}

std::string attachment_text(const ReadView& view, const StoredAttachment& attachment) {
    Bytes bytes;
    view.read_attachment(attachment, 0, attachment.stored_bytes, bytes);
    return fmt::format(" [{} {} {} {} {} {}]", attachment.name, attachment.content_type,
                       attachment.revpos, attachment.identity_bytes, digest_text(attachment),
                       md5(bytes) == attachment.digest ? "whole" : "BROKEN");
}

std::string document_text(const ReadView& view, const std::string& id) {
    const auto record = view.record(id);
    std::vector<std::string> leaves;
    for (const auto index : record->tree.leaves()) {
        const auto& node = record->tree.node(index);
        auto line = path_text(record->tree, index) + (node.deleted ? " deleted" : "");
        if (const auto body = view.body(id, node.revision)) {
            line += ' ';
            line += body->text();
            for (const auto& one : body->attachments()) line += attachment_text(view, one);
        }
        leaves.push_back(std::move(line));
    }
    std::sort(leaves.begin(), leaves.end());
    return fmt::format("{}\n  {}\n", id, fmt::join(leaves, "\n  "));
}

}  // namespace

std::string describe_leaves(const std::shared_ptr<Database>& database) {
    const auto view = database->view();
    ChangesScan scan(view, Sequence{});
    std::vector<std::string> documents;
    while (const auto* change = scan.next()) documents.push_back(document_text(*view, change->id));
    std::sort(documents.begin(), documents.end());
    return fmt::format("{}", fmt::join(documents, ""));
}

}  // namespace divan::test
