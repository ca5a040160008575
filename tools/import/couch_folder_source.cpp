#include <algorithm>
#include <map>

#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/data_folder.h"
#include "tools/import/couch_file/database_file.h"
#include "tools/import/paused_replications.h"
#include "tools/import/source.h"

namespace divan::import {
namespace {

Attachment carried(const std::shared_ptr<const DatabaseFile>& file, FileAttachment stored) {
    Attachment attachment;
    attachment.name = stored.name;
    attachment.content_type = stored.content_type;
    attachment.revpos = stored.revpos;
    attachment.length = stored.length;
    attachment.stored_length = stored.encoded_length;
    attachment.gzip = stored.gzip;
    if (Md5Digest digest; stored.digest.size() == digest.size()) {
        std::copy(stored.digest.begin(), stored.digest.end(), digest.begin());
        attachment.digest = digest;
    }
    attachment.read = [file, stored = std::move(stored)](const TakeBytes& take) {
        file->attachment(stored, take);
    };
    return attachment;
}

// Leaves whose bodies cannot be read are told and left out.
Document carried(const std::shared_ptr<const DatabaseFile>& file, FileDocument stored,
                 const TellFailure& failed) {
    Document document;
    document.id = std::move(stored.id);
    for (auto& leaf : stored.leaves) {
        const storage::Revision revision{leaf.generation, leaf.path.front()};
        try {
            auto body = file->body(leaf.body);
            Leaf carried_leaf{leaf.generation, std::move(leaf.path), leaf.deleted,
                              std::move(body.json), {}};
            for (auto& attachment : body.attachments) {
                carried_leaf.attachments.push_back(carried(file, std::move(attachment)));
            }
            document.leaves.push_back(std::move(carried_leaf));
        } catch (const Damage& damage) {
            failed({document.id + " " + storage::to_string(revision), damage.what()});
        }
    }
    return document;
}

class CouchFolderDatabase final : public SourceDatabase {
public:
    explicit CouchFolderDatabase(const FolderDatabase& database) {
        info_.name = database.name;
        info_.partitioned = database.partitioned;
        for (const auto& path : database.files) {
            files_.push_back(std::make_shared<const DatabaseFile>(path));
        }
        if (files_.empty()) throw Damage(database.name + ": none of its files is there");
        const auto& first = *files_.front();
        info_.security = first.security();
        info_.revs_limit = first.header().revisions_limit;
        info_.purged_infos_limit = first.header().purged_infos_limit;
    }

    const DatabaseInfo& info() const override { return info_; }
    std::size_t parts() const override { return files_.size(); }

    void documents(std::size_t part, const std::string& after,
                   const std::function<void(Document)>& visit,
                   const TellFailure& failed) override {
        const auto& file = files_.at(part);
        file->documents(
            [&](FileDocument document) {
                if (document.id <= after && !after.empty()) return;
                auto marker = document.id;
                auto whole = carried(file, std::move(document), failed);
                whole.marker = std::move(marker);
                visit(std::move(whole));
            },
            [&](const std::string& what) { failed({info_.name, what}); });
    }

    void locals(const std::function<void(LocalDocument)>& visit,
                const TellFailure& failed) override {
        for (const auto& file : files_) {
            file->locals(
                [&](FileLocal local) {
                    if (is_own_note(local.id)) return;
                    visit({std::move(local.id), local.revision, std::move(local.json)});
                },
                [&](const std::string& what) { failed({info_.name, what}); });
        }
    }

    void purges(const std::function<void(Purge)>& visit, const TellFailure& failed) override {
        for (const auto& file : files_) {
            file->purges(
                [&](FilePurge purge) {
                    visit({std::move(purge.id), std::move(purge.revisions)});
                },
                [&](const std::string& what) { failed({info_.name, what}); });
        }
    }

private:
    DatabaseInfo info_;
    std::vector<std::shared_ptr<const DatabaseFile>> files_;
};

class CouchFolder final : public Source {
public:
    explicit CouchFolder(const std::string& path) {
        const auto tell = [this](const std::string& remark) { remarks_.push_back(remark); };
        for (auto& database : databases_in(path, tell)) {
            for (const auto& file : database.missing) {
                remarks_.push_back(file.string() + ": this shard is missing");
            }
            auto name = database.name;
            databases_.emplace(std::move(name), std::move(database));
        }
    }

    std::vector<std::string> names() override {
        std::vector<std::string> names;
        for (const auto& [name, database] : databases_) names.push_back(name);
        return names;
    }
    std::unique_ptr<SourceDatabase> open(const std::string& name) override {
        return with_paused_replications(
            std::make_unique<CouchFolderDatabase>(databases_.at(name)));
    }
    const std::vector<std::string>& remarks() const override { return remarks_; }

private:
    std::map<std::string, FolderDatabase> databases_;
    std::vector<std::string> remarks_;
};

}  // namespace

std::unique_ptr<Source> open_couch_folder(const std::string& path) {
    return std::make_unique<CouchFolder>(path);
}

std::unique_ptr<Source> open_source(const std::string& path) {
    namespace fs = std::filesystem;
    bool couch = fs::path(path).extension() == ".couch";
    if (fs::is_directory(path)) {
        couch = fs::exists(fs::path(path) / "shards") ||
                std::any_of(fs::recursive_directory_iterator(path), {}, [](const auto& entry) {
                    return entry.path().extension() == ".couch";
                });
    }
    return couch ? open_couch_folder(path) : open_backups(path);
}

}  // namespace divan::import
