#include "tools/import/paused_replications.h"

#include "storage/base/json.h"
#include "storage/document/client_document.h"

namespace divan::import {
namespace {

constexpr std::string_view replicator = "_replicator";
constexpr std::string_view state_prefix = "_replication_";
constexpr std::string_view state = "_replication_state";
constexpr std::string_view state_reason = "_replication_state_reason";
constexpr std::string_view pause_reason =
    "Paused by the import: remove _replication_state to run it.";

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
    json.append(R"("_replication_state":"failed",)");
    append_json_string(json, state_reason);
    json.push_back(':');
    append_json_string(json, pause_reason);
    return json.append("}");
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

bool is_pause(const Leaf& leaf) {
    const auto body = parse_json(leaf.json);
    const auto* reason = body && body->is_object() ? body->find(state_reason) : nullptr;
    return !leaf.deleted && leaf.path.size() > 1 && reason && reason->is_string() &&
           reason->string() == pause_reason;
}

// Whether `leaf` is no leaf of the source, where its parent has other descendants.
bool left_behind(const Leaf& leaf, const Document& source) {
    bool went_on = false;
    for (const auto& one : source.leaves) {
        if (one.revision() == leaf.revision()) return false;
        if (one.generation < leaf.generation) continue;
        const auto at = one.generation - leaf.generation + 1;
        went_on = went_on || (at < one.path.size() && one.path[at] == leaf.path[1]);
    }
    return went_on;
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
        inner_->documents(part, after, paused(visit), failed);
    }
    void documents_of(const std::set<std::string>& ids,
                      const std::function<void(Document)>& visit,
                      const TellFailure& failed) override {
        inner_->documents_of(ids, paused(visit), failed);
    }
    void locals(const std::function<void(LocalDocument)>& visit,
                const TellFailure& failed) override {
        inner_->locals(visit, failed);
    }
    bool locals_whole() const override { return inner_->locals_whole(); }
    void hold_locals(const TellFailure& failed) override { inner_->hold_locals(failed); }
    void purges(const std::function<void(Purge)>& visit, const TellFailure& failed) override {
        inner_->purges(visit, failed);
    }
    std::optional<std::string> purge_sequence() const override {
        return inner_->purge_sequence();
    }

private:
    static std::function<void(Document)> paused(const std::function<void(Document)>& visit) {
        return [&visit](Document document) {
            if (!document.id.starts_with("_design/")) {
                for (auto& leaf : document.leaves) pause(leaf);
            }
            visit(std::move(document));
        };
    }

    std::unique_ptr<SourceDatabase> inner_;
};

}  // namespace

std::vector<MissingLeaves> outdated_pauses(const std::vector<Document>& source,
                                           const std::vector<Document>& there) {
    std::vector<MissingLeaves> outdated;
    for (std::size_t at = 0; at < source.size(); ++at) {
        MissingLeaves one{source[at].id, {}, true};
        for (const auto& leaf : there[at].leaves) {
            if (is_pause(leaf) && left_behind(leaf, source[at])) {
                one.leaves.push_back(leaf.revision());
            }
        }
        if (!one.leaves.empty()) outdated.push_back(std::move(one));
    }
    return outdated;
}

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
