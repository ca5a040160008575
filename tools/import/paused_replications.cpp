#include "tools/import/paused_replications.h"

#include "storage/base/json.h"
#include "storage/document/client_document.h"

namespace divan::import {
namespace {

constexpr std::string_view replicator = "_replicator";
constexpr std::string_view state_prefix = "_replication_";
constexpr std::string_view state = "_replication_state";
constexpr std::string_view paused_members =
    R"("_replication_state":"failed",)"
    R"("_replication_state_reason":"Paused by the import: remove _replication_state to run it.")";

// Not those that are done, or never ran.
bool would_run(const JsonValue& body) {
    if (!body.is_object()) return false;
    const auto* found = body.find(state);
    if (!found) return true;
    return !found->is_string() || (found->string() != "completed" && found->string() != "failed");
}

std::string paused_body(const JsonValue& body) {
    std::string json = "{";
    for (const auto& [name, value] : body.members()) {
        if (name.starts_with(state_prefix)) continue;
        append_json_string(json, name);
        json.push_back(':');
        value.dump_to(json);
        json.push_back(',');
    }
    return json.append(paused_members).append("}");
}

void pause(Leaf& leaf) {
    if (leaf.deleted) return;
    const auto body = parse_json(leaf.json);
    if (!body || !would_run(*body)) return;
    auto json = paused_body(*body);
    const auto parsed = storage::parse_client_document(json);
    if (!parsed) return;  // What cannot be written is told when it is.
    std::vector<storage::AttachmentSeed> seeds;
    for (const auto& attachment : leaf.attachments) {
        seeds.push_back({attachment.name, attachment.content_type,
                         attachment.digest.value_or(Md5Digest{}), !attachment.digest});
    }
    const auto parent = leaf.revision();
    const auto revision = storage::new_revision(false, &parent, parsed->term, seeds);
    leaf.generation = revision.generation;
    leaf.path.insert(leaf.path.begin(), revision.hash);
    leaf.json = parsed->body;
}

class PausedReplications final : public SourceDatabase {
public:
    explicit PausedReplications(std::unique_ptr<SourceDatabase> inner) : inner_(std::move(inner)) {}

    const DatabaseInfo& info() const override { return inner_->info(); }
    std::size_t parts() const override { return inner_->parts(); }
    bool whole_documents() const override { return inner_->whole_documents(); }
    std::vector<std::string> remarks() const override { return inner_->remarks(); }
    FormerFiles former() const override { return inner_->former(); }
    void documents(std::size_t part, const std::string& after,
                   const std::function<void(Document)>& visit,
                   const TellFailure& failed) override {
        inner_->documents(
            part, after,
            [&](Document document) {
                if (!document.id.starts_with("_design/")) {
                    for (auto& leaf : document.leaves) pause(leaf);
                }
                visit(std::move(document));
            },
            failed);
    }
    void locals(const std::function<void(LocalDocument)>& visit,
                const TellFailure& failed) override {
        inner_->locals(visit, failed);
    }
    void hold_locals(const TellFailure& failed) override { inner_->hold_locals(failed); }
    void purges(const std::function<void(Purge)>& visit, const TellFailure& failed) override {
        inner_->purges(visit, failed);
    }

private:
    std::unique_ptr<SourceDatabase> inner_;
};

}  // namespace

bool is_replicator_database(std::string_view name) {
    if (!name.ends_with(replicator)) return false;
    const auto rest = name.substr(0, name.size() - replicator.size());
    return rest.empty() || rest.ends_with('/');
}

std::unique_ptr<SourceDatabase> with_paused_replications(std::unique_ptr<SourceDatabase> database) {
    if (!is_replicator_database(database->info().name)) return database;
    return std::make_unique<PausedReplications>(std::move(database));
}

}  // namespace divan::import
