#include <algorithm>
#include <map>

#include "auth/permissions.h"
#include "storage/database/attachment_store.h"
#include "storage/database/catalog.h"
#include "storage/database/edit.h"
#include "storage/database/last_document.h"
#include "storage/database/local_docs.h"
#include "storage/database/purge_history.h"
#include "storage/database/read_view.h"
#include "storage/engine/rocks_engine.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/target.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;
using storage::Database;
using storage::ReadView;

// Smaller batches are not worth the files.
constexpr std::size_t ingest_bytes_min = 1U << 20;
constexpr std::string_view local_prefix = "_local/";

std::string_view local_name(const std::string& id) {
    return std::string_view(id).substr(local_prefix.size());
}

// One document's edits, and the writers that hold the bytes of its large attachments.
struct Prepared {
    std::vector<storage::Edit> edits;
    std::vector<std::unique_ptr<storage::AttachmentWriter>> uploads;
};

class FolderDatabase final : public TargetDatabase {
public:
    FolderDatabase(std::shared_ptr<Database> database, bool fresh)
        : database_(std::move(database)), fresh_(fresh) {
        as_it_is_.compression_level = 0;
    }

    std::vector<MissingLeaves> missing(const std::vector<Document>& documents) override {
        if (fresh_) return all_leaves(documents);
        std::vector<MissingLeaves> missing;
        const auto view = database_->view();
        const auto last = storage::last_document_id(view->snapshot(), database_->id());
        std::vector<std::string> ids;
        for (const auto& document : documents) {
            if (last && document.id <= *last) ids.push_back(document.id);
        }
        const auto records = view->records(ids);
        auto next = records.begin();
        for (const auto& document : documents) {
            const storage::DocumentRecord* record = nullptr;
            if (last && document.id <= *last) {
                record = *next ? &**next : nullptr;
                ++next;
            }
            MissingLeaves absent{document.id, {}, record != nullptr};
            for (const auto& leaf : document.leaves) {
                const bool known =
                    record != nullptr && record->tree.find(leaf.revision()).has_value();
                if (!known) absent.leaves.push_back(leaf.revision());
            }
            if (!absent.leaves.empty()) missing.push_back(std::move(absent));
        }
        return missing;
    }

    void write(std::vector<Document> documents, const TellFailure& failed) override {
        Prepared all;
        for (auto& document : documents) {
            try {
                auto prepared = prepare(document);
                std::move(prepared.edits.begin(), prepared.edits.end(),
                          std::back_inserter(all.edits));
                std::move(prepared.uploads.begin(), prepared.uploads.end(),
                          std::back_inserter(all.uploads));
            } catch (const Damage& damage) {
                failed({document.id, damage.what()});
            } catch (const Refused& refused) {
                failed({document.id, refused.error().reason});
            }
        }
        if (all.edits.empty()) return;
        std::vector<std::string> ids;
        for (const auto& edit : all.edits) ids.push_back(edit.id);
        const auto outcomes = database_->writer().write(std::move(all.edits));
        if (!outcomes) throw Refused(outcomes.error());
        for (std::size_t at = 0; at < ids.size(); ++at) {
            const auto& outcome = (*outcomes)[at];
            if (!outcome) failed({ids[at], outcome.error().reason});
        }
        for (const auto& upload : all.uploads) upload->keep();
    }

    void take_over(const FormerFiles& former) override {
        former_ = storage::take_over_sequences(*database_, former.shards, former.plain);
    }

    void write_local(const LocalDocument& document) override {
        storage::LocalDocs(*database_).put(local_name(document.id), document.json,
                                           document.edits == 0 ? 0 : document.edits - 1);
    }

    void write_settings(const DatabaseInfo& info) override {
        // Each that is put counts as a change, and a run that goes on puts them again.
        const auto there = database_->settings();
        if (there->revs_limit != info.revs_limit) database_->set_revs_limit(info.revs_limit);
        if (there->purged_infos_limit != info.purged_infos_limit) {
            database_->set_purged_infos_limit(info.purged_infos_limit);
        }
        if (info.security.empty() || there->security == info.security) return;
        auth::validate_security(info.security).value();
        database_->set_security(info.security);
    }

    DatabaseInfo info() override {
        const auto settings = database_->settings();
        return {database_->name(), database_->entry().partitioned, settings->security,
                settings->revs_limit, settings->purged_infos_limit};
    }

    std::vector<Document> read(const std::vector<std::string>& ids) override {
        const std::shared_ptr<const ReadView> view = database_->view();
        const auto records = view->records(ids);
        std::vector<Document> documents(ids.size());
        for (std::size_t at = 0; at < ids.size(); ++at) {
            documents[at].id = ids[at];
            if (records[at]) read_leaves(view, *records[at], documents[at]);
        }
        return documents;
    }

    std::optional<LocalDocument> read_local(const std::string& id) override {
        auto found = storage::LocalDocs(*database_).get(local_name(id));
        if (!found) return std::nullopt;
        return LocalDocument{id, found->edit_count, std::move(found->body)};
    }

    std::vector<Purge> purges() override {
        std::vector<Purge> purges;
        for (auto& row : storage::purge_history(*database_->view())) {
            purges.push_back({std::move(row.id), std::move(row.revisions)});
        }
        return purges;
    }

    std::uint64_t document_count() override {
        const auto state = database_->state();
        return state.document_count + state.deleted_count;
    }

    void purge(const std::vector<MissingLeaves>& created) override {
        if (created.empty()) return;
        std::vector<storage::PurgeRow> rows;
        for (const auto& document : created) rows.push_back({document.id, document.leaves});
        database_->writer().purge(std::move(rows)).value();
    }

    void erase_local(const std::string& id) override {
        storage::LocalDocs(*database_).erase(local_name(id));
    }

private:
    // Nobody else writes into a database that is being made: nothing has to be looked up.
    static std::vector<MissingLeaves> all_leaves(const std::vector<Document>& documents) {
        std::vector<MissingLeaves> all;
        for (const auto& document : documents) {
            if (document.leaves.empty()) continue;
            auto& one = all.emplace_back(MissingLeaves{document.id, {}, false});
            for (const auto& leaf : document.leaves) one.leaves.push_back(leaf.revision());
        }
        return all;
    }

    Prepared prepare(Document& document) {
        storage::validate_document_id(document.id).value();
        if (database_->entry().partitioned) storage::validate_partitioned_id(document.id).value();
        Prepared prepared;
        for (auto& leaf : document.leaves) {
            storage::Edit edit;
            edit.id = document.id;
            edit.replicated = true;
            edit.generation = leaf.generation;
            edit.path = std::move(leaf.path);
            edit.deleted = leaf.deleted;
            if (former_) edit.at_least = former_->here(document.shard, document.sequence);
            // Its revision is known: the term, of which one is made, is not needed.
            edit.body = leaf.normal ? std::move(leaf.json)
                                    : storage::parse_client_document(leaf.json).value().body;
            for (auto& attachment : leaf.attachments) {
                edit.attachments.push_back(store(attachment, prepared));
            }
            prepared.edits.push_back(std::move(edit));
        }
        return prepared;
    }

    storage::EditAttachment store(const Attachment& attachment, Prepared& prepared) {
        auto writer = std::make_unique<storage::AttachmentWriter>(
            database_, attachment.name, attachment.content_type, attachment.gzip,
            attachment.as_clients_see ? as_usual_ : as_it_is_);
        attachment.read([&](std::string_view bytes) { writer->append(bytes); });
        auto stored = writer->finish();
        if (attachment.digest && stored.stored.digest != *attachment.digest) {
            throw Damage(attachment.name + ": its MD5 does not match");
        }
        stored.stored.identity_bytes = attachment.length;
        stored.stored.revpos = attachment.revpos;
        stored.revpos_given = true;
        prepared.uploads.push_back(std::move(writer));
        return stored;
    }

    static void read_leaves(const std::shared_ptr<const ReadView>& view,
                            const storage::DocumentRecord& record, Document& document) {
        for (const auto index : record.tree.leaves()) {
            const auto& node = record.tree.node(index);
            const auto body = view->body(document.id, node.revision);
            Leaf leaf;
            leaf.generation = node.revision.generation;
            for (auto& revision : record.tree.path(index)) {
                leaf.path.push_back(std::move(revision.hash));
            }
            leaf.deleted = node.deleted;
            if (body) {
                leaf.json = body->text();
                for (const auto& stored : body->attachments()) {
                    leaf.attachments.push_back(carried(view, stored));
                }
            }
            document.leaves.push_back(std::move(leaf));
        }
    }

    static Attachment carried(const std::shared_ptr<const ReadView>& view,
                              const storage::StoredAttachment& stored) {
        Attachment attachment{stored.name,
                              stored.content_type,
                              stored.revpos,
                              stored.identity_bytes,
                              stored.stored_bytes,
                              stored.encoding == storage::AttachmentEncoding::gzip,
                              false,
                              stored.digest,
                              {}};
        attachment.read = [view, stored](const TakeBytes& take) {
            Bytes piece;
            for (std::uint64_t at = 0; at < stored.stored_bytes; at += piece.size()) {
                piece.clear();
                view->read_attachment(stored, at, storage::attachment_chunk_bytes, piece);
                if (piece.empty()) throw Damage(stored.name + ": its bytes are not there");
                take(piece);
            }
        };
        return attachment;
    }

    std::shared_ptr<Database> database_;
    const bool fresh_;
    std::optional<storage::FormerSequences> former_;
    storage::AttachmentSettings as_it_is_;  ///< Bytes are kept as they come.
    storage::AttachmentSettings as_usual_;
};

class FolderTarget final : public Target {
public:
    explicit FolderTarget(const fs::path& folder) {
        fs::create_directories(folder);
        storage::RocksOptions options;
        options.ingest_bytes_min = ingest_bytes_min;
        engine_ = storage::open_rocks_engine(folder, options);
        catalog_ = std::make_unique<storage::Catalog>(*engine_);
    }

    bool exists(const std::string& name) override { return catalog_->exists(name); }

    std::unique_ptr<TargetDatabase> open(const DatabaseInfo& info) override {
        auto database = catalog_->open(info.name);
        const bool fresh = !database;
        if (fresh) {
            if (!storage::validate_database_name(info.name)) {
                throw Damage(info.name + ": no database may be called so, --rename helps");
            }
            // One that nobody may store is told by `write_settings`.
            const bool sound = auth::validate_security(info.security).has_value();
            const auto security = sound ? info.security : std::string();
            database = catalog_->create(info.name, {info.partitioned, 1, security}).value();
        }
        if (database->entry().partitioned != info.partitioned) {
            throw Damage(info.name + ": one of source and target is partitioned, the other not");
        }
        return std::make_unique<FolderDatabase>(std::move(database), fresh);
    }

    std::unique_ptr<TargetDatabase> open_existing(const std::string& name) override {
        auto database = catalog_->open(name);
        if (!database) throw Damage(name + ": the target has no such database");
        return std::make_unique<FolderDatabase>(std::move(database), false);
    }

    void erase(const std::string& name) override { catalog_->erase(name); }

private:
    std::unique_ptr<storage::Engine> engine_;
    std::unique_ptr<storage::Catalog> catalog_;
};

}  // namespace

std::unique_ptr<Target> open_folder_target(const fs::path& folder) {
    return std::make_unique<FolderTarget>(folder);
}

}  // namespace divan::import
