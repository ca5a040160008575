#include "storage/database/document_text.h"

#include <algorithm>
#include <set>

#include "storage/base/json.h"

namespace divan::storage {
namespace {

void append_revision_list(std::string& out, std::string_view member,
                          const std::vector<Revision>& revisions) {
    out.append(",\"").append(member).append("\":[");
    for (std::size_t i = 0; i < revisions.size(); ++i) {
        if (i > 0) out.push_back(',');
        std::string text;
        append_revision(text, revisions[i]);
        append_json_string(out, text);
    }
    out.push_back(']');
}

void append_revisions(std::string& out, const ReadView& view, const DocumentRecord& record,
                      RevisionTree::Index index, std::size_t revs_max) {
    auto path = record.tree.path(index);
    const auto limit = std::min<std::uint64_t>(view.database().settings()->revs_limit, revs_max);
    if (path.size() > limit) path.resize(limit);
    out.append(",\"_revisions\":{\"start\":");
    out.append(std::to_string(path.front().generation)).append(",\"ids\":[");
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (i > 0) out.push_back(',');
        std::string text;
        append_hash(text, path[i].hash);
        append_json_string(out, text);
    }
    out.append("]}");
}

void append_revs_info(std::string& out, const RevisionTree& tree, RevisionTree::Index index) {
    out.append(",\"_revs_info\":[");
    bool first = true;
    for (const auto& revision : tree.path(index)) {
        const auto& node = tree.node(*tree.find(revision));
        if (!first) out.push_back(',');
        first = false;
        out.append("{\"rev\":");
        append_json_string(out, to_string(revision));
        // couch_db:doc_meta_info/3 calls a body "available" that compaction has taken away.
        out.append(",\"status\":\"");
        out.append(!node.has_body ? "missing" : node.deleted ? "deleted" : "available");
        out.append("\"}");
    }
    out.push_back(']');
}

/// The other leaves, deleted or not.
std::vector<Revision> other_leaves(const RevisionTree& tree, bool deleted) {
    std::vector<Revision> revisions;
    const auto leaves = tree.leaves();
    for (std::size_t i = 1; i < leaves.size(); ++i) {
        const auto& node = tree.node(leaves[i]);
        if (node.deleted == deleted) revisions.push_back(node.revision);
    }
    return revisions;
}

bool append_meta(std::string& out, const DocumentRecord& record, RevisionTree::Index index,
                 const DocumentOptions& options) {
    bool shown = false;
    if (options.revs_info) {
        append_revs_info(out, record.tree, index);
        shown = true;
    }
    for (const bool deleted : {false, true}) {
        if (!(deleted ? options.deleted_conflicts : options.conflicts)) continue;
        const auto others = other_leaves(record.tree, deleted);
        if (others.empty()) continue;
        append_revision_list(out, deleted ? "_deleted_conflicts" : "_conflicts", others);
        shown = true;
    }
    if (options.local_seq) {
        out.append(",\"_local_seq\":").append(std::to_string(record.sequence.value));
        shown = true;
    }
    return shown;
}

/// The stored bytes, unpacked.
std::string load_identity(const ReadView& view, const StoredAttachment& attachment) {
    std::string stored;
    view.read_attachment(attachment, 0, static_cast<std::size_t>(attachment.stored_bytes), stored);
    if (attachment.encoding != AttachmentEncoding::gzip) return stored;
    std::string identity;
    Inflater inflater(Inflater::Rest::passed_over);
    BytesView rest(stored);
    while (!rest.empty() || inflater.holds_more()) {
        unpack_step(inflater, rest, identity, attachment_chunk_bytes);
    }
    return identity;
}

void append_attachments(std::string& out, const ReadView& view, const Revision& revision,
                        const StoredBody& body, const DocumentRecord* record,
                        const DocumentOptions& options) {
    if (body.attachments().empty()) return;
    const auto sent = attachments_to_send(body, revision, record, options);
    const AttachmentView attachment_view{options.att_encoding_info};
    out.append(",\"_attachments\":{");
    bool first = true;
    for (const auto& attachment : body.attachments()) {
        if (!first) out.push_back(',');
        first = false;
        if (std::find(sent.begin(), sent.end(), &attachment) == sent.end()) {
            append_attachment_stub(out, attachment, attachment_view);
        } else if (options.follows) {
            append_attachment_follows(out, attachment, attachment_view);
        } else {
            append_attachment_data(out, attachment, attachment_view,
                                   load_identity(view, attachment));
        }
    }
    out.push_back('}');
}

std::optional<StoredBody> body_of(const ReadView& view, std::string_view id,
                                  const RevisionNode& node) {
    if (!node.has_body) return std::nullopt;
    return view.body(id, node.revision);
}

}  // namespace

std::vector<const StoredAttachment*> attachments_to_send(const StoredBody& body,
                                                         const Revision& revision,
                                                         const DocumentRecord* record,
                                                         const DocumentOptions& options) {
    std::vector<const StoredAttachment*> sent;
    if (!options.attachments) return sent;
    std::uint64_t known = 0;
    if (options.atts_since && record != nullptr) {
        const auto index = record->tree.find(revision);
        const auto path = index ? record->tree.path(*index) : std::vector<Revision>{};
        for (const auto& ancestor : *options.atts_since) {
            if (std::find(path.begin(), path.end(), ancestor) != path.end()) {
                known = std::max(known, ancestor.generation);
            }
        }
    }
    for (const auto& attachment : body.attachments()) {
        if (attachment.revpos > known || !options.atts_since) sent.push_back(&attachment);
    }
    return sent;
}

void append_document(std::string& out, const ReadView& view, std::string_view id,
                     const Revision& revision, const StoredBody& body,
                     const DocumentRecord* record, const DocumentOptions& options,
                     bool* meta_shown) {
    const auto text = body.text();
    out.append("{\"_id\":");
    append_json_string(out, id);
    out.append(",\"_rev\":\"");
    if (revision.hash.bytes().size() == 16) {
        append_revision(out, revision);
        out.push_back('"');
    } else {
        out.pop_back();
        append_json_string(out, to_string(revision));
    }
    if (text.size() > 2) {
        out.push_back(',');
        out.append(text.substr(1, text.size() - 2));
    }
    if (body.deleted()) out.append(",\"_deleted\":true");
    if (record != nullptr && options.needs_tree()) {
        const auto index = record->tree.find(revision);
        if (index && options.revs) append_revisions(out, view, *record, *index, options.revs_max);
        if (index && append_meta(out, *record, *index, options) && meta_shown != nullptr) {
            *meta_shown = true;
        }
    }
    append_attachments(out, view, revision, body, record, options);
    out.push_back('}');
}

std::vector<ChosenRevision> choose_revisions(const RevisionTree& tree,
                                             const std::optional<std::vector<Revision>>& wanted,
                                             bool latest) {
    std::vector<ChosenRevision> chosen;
    const auto choose = [&](RevisionTree::Index index) {
        const auto same = [&](const ChosenRevision& one) { return one.index == index; };
        if (std::any_of(chosen.begin(), chosen.end(), same)) return;
        chosen.push_back({tree.node(index).revision, index});
    };
    if (!wanted) {
        for (const auto index : tree.leaves()) choose(index);
        return chosen;
    }
    std::vector<ChosenRevision> missing;
    std::set<Revision> told;
    for (const auto& revision : *wanted) {
        const auto index = tree.find(revision);
        if (!index) {
            if (told.insert(revision).second) missing.push_back({revision, std::nullopt});
        } else if (latest) {
            for (const auto leaf : tree.leaves_above(*index)) choose(leaf);
        } else {
            choose(*index);
        }
    }
    chosen.insert(chosen.end(), std::make_move_iterator(missing.begin()),
                  std::make_move_iterator(missing.end()));
    return chosen;
}

void sort_as_trees(const RevisionTree& tree, std::vector<ChosenRevision>& chosen) {
    if (chosen.size() < 2) return;
    std::vector<std::pair<std::vector<Revision>, ChosenRevision>> paths;
    paths.reserve(chosen.size());
    for (auto& one : chosen) {
        auto path = one.index ? tree.path(*one.index) : std::vector<Revision>{one.revision};
        std::reverse(path.begin(), path.end());
        paths.emplace_back(std::move(path), std::move(one));
    }
    std::sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) {
        if (a.first.front() != b.first.front()) return b.first.front() < a.first.front();
        return a.first < b.first;
    });
    chosen.clear();
    for (auto& [path, one] : paths) chosen.push_back(std::move(one));
}

std::vector<OpenRevision> open_revisions(const ReadView& view, std::string_view id,
                                         const DocumentRecord& record,
                                         const std::optional<std::vector<Revision>>& wanted,
                                         bool latest) {
    std::vector<OpenRevision> opened;
    for (auto& one : choose_revisions(record.tree, wanted, latest)) {
        std::optional<StoredBody> body;
        if (one.index) body = body_of(view, id, record.tree.node(*one.index));
        opened.push_back({std::move(one.revision), std::move(body)});
    }
    std::sort(opened.begin(), opened.end(), [](const auto& a, const auto& b) {
        if (a.body.has_value() != b.body.has_value()) return a.body.has_value();
        return a.revision < b.revision;
    });
    return opened;
}

}  // namespace divan::storage
