#include <algorithm>
#include <charconv>
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
Document carried(const std::shared_ptr<const DatabaseFile>& file, BlockFile::Window& window,
                 FileDocument stored, const TellFailure& failed) {
    Document document;
    document.id = std::move(stored.id);
    for (auto& leaf : stored.leaves) {
        const storage::Revision revision{leaf.generation, leaf.path.front()};
        try {
            auto body = file->body(leaf.body, window);
            Leaf carried_leaf{leaf.generation, std::move(leaf.path), leaf.deleted,
                              std::move(body.json), {}, body.normal};
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

// "12,7,40": how far each file was read.
std::string marker_of(const std::vector<std::uint64_t>& read) {
    std::string marker;
    for (const auto sequence : read) {
        if (!marker.empty()) marker.push_back(',');
        marker += std::to_string(sequence);
    }
    return marker;
}

// From the beginning where the marker is none.
std::vector<std::uint64_t> read_marker(std::string_view marker, std::size_t files) {
    std::vector<std::uint64_t> read;
    while (!marker.empty()) {
        auto& sequence = read.emplace_back();
        const auto* const end = marker.data() + marker.size();
        const auto [at, failure] = std::from_chars(marker.data(), end, sequence);
        if (failure != std::errc()) break;
        marker.remove_prefix(static_cast<std::size_t>(at - marker.data()));
        if (marker.starts_with(',')) marker.remove_prefix(1);
    }
    const bool whole = marker.empty() && read.size() == files;
    return whole ? read : std::vector<std::uint64_t>(files);
}

class CouchFolderDatabase final : public SourceDatabase {
public:
    explicit CouchFolderDatabase(const FolderDatabase& database) {
        info_.name = database.name;
        info_.partitioned = database.partitioned;
        for (const auto& path : database.files) {
            files_.push_back(std::make_shared<const DatabaseFile>(path));
        }
        windows_.resize(files_.size());
        missing_ = database.missing;
        if (files_.empty()) throw Damage(database.name + ": none of its files is there");
        const auto& first = *files_.front();
        info_.security = first.security();
        info_.revs_limit = first.header().revisions_limit;
        info_.purged_infos_limit = first.header().purged_infos_limit;
        note_former(database);
    }

    const DatabaseInfo& info() const override { return info_; }
    std::size_t parts() const override { return 1; }
    FormerFiles former() const override { return former_; }
    std::vector<std::string> remarks() const override {
        std::vector<std::string> remarks;
        for (const auto& file : files_) {
            if (file->torn_bytes() == 0) continue;
            remarks.push_back(std::to_string(file->torn_bytes()) +
                              " bytes after the newest header are not read, as CouchDB would not: "
                              "of a write that was under way, or of a copy that broke off");
        }
        return remarks;
    }

    // Those of all files, woven together by about when they were changed.
    void documents(std::size_t, const std::string& after,
                   const std::function<void(Document)>& visit,
                   const TellFailure& failed) override {
        const auto damaged = [&](const std::string& what) { failed({info_.name, what}); };
        for (const auto& file : missing_) {
            failed({file.string(), "this shard is not there, nor are its documents"});
        }
        auto read = read_marker(after, files_.size());
        const auto done = read;
        std::vector<std::unique_ptr<ChangesCursor>> cursors;
        // By when they were changed, the next document of each file.
        std::map<std::pair<Sequence, std::size_t>, FileDocument> next;
        const auto advance = [&](std::size_t file) {
            if (auto document = cursors[file]->next()) {
                next.emplace(std::pair(moment(file, document->sequence), file),
                             std::move(*document));
            }
        };
        for (std::size_t file = 0; file < files_.size(); ++file) {
            cursors.push_back(std::make_unique<ChangesCursor>(*files_[file], damaged));
            advance(file);
        }
        while (!next.empty()) {
            const auto file = next.begin()->first.second;
            auto document = std::move(next.begin()->second);
            next.erase(next.begin());
            if (document.sequence > done[file]) {
                read[file] = document.sequence;
                give(file, std::move(document), marker_of(read), visit, failed);
            }
            advance(file);
        }
        for (std::size_t file = 0; file < files_.size(); ++file) {
            if (cursors[file]->whole()) continue;
            auto found = cursors[file]->count();
            files_[file]->documents_besides_changes(
                [&](FileDocument document) {
                    ++found;
                    give(file, std::move(document), marker_of(read), visit, failed);
                },
                damaged);
            const auto counted = files_[file]->header().documents.value_or(found);
            if (found < counted) {
                damaged(std::to_string(counted - found) + " documents that a file counts are in "
                        "none of its indexes");
            }
        }
    }

    void locals(const std::function<void(LocalDocument)>& visit,
                const TellFailure& failed) override {
        locals_whole_ = missing_.empty();
        for (const auto& file : files_) {
            file->locals(
                [&](FileLocal local) {
                    if (is_own_note(local.id)) return;
                    visit({std::move(local.id), local.revision, std::move(local.json)});
                },
                [&](const std::string& what) {
                    locals_whole_ = false;
                    failed({info_.name, what});
                });
        }
    }
    bool locals_whole() const override { return locals_whole_; }

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
    void note_former(const FolderDatabase& database) {
        const bool one_file = database.ranges.empty() && files_.size() == 1;
        if (!one_file && database.ranges.size() != files_.size()) return;
        former_.plain = one_file;
        for (std::size_t at = 0; at < files_.size(); ++at) {
            const auto& header = files_[at]->header();
            storage::FormerShard shard;
            if (!one_file) {
                shard.begin = database.ranges[at].begin;
                shard.end = database.ranges[at].end;
            }
            shard.uuid = header.uuid;
            for (const auto& [node, since] : header.epochs) shard.epochs.push_back({node, since});
            shard.sequence = header.update_sequence;
            former_.shards.push_back(std::move(shard));
        }
        order_ = storage::FormerSequences::make(former_.shards, former_.plain, {});
    }

    Sequence moment(std::size_t file, std::uint64_t sequence) const {
        return order_ ? order_->here(file, sequence) : Sequence{};
    }

    void give(std::size_t file, FileDocument stored, std::string marker,
              const std::function<void(Document)>& visit, const TellFailure& failed) {
        const auto sequence = stored.sequence;
        if (stored.leaves.empty()) failed({stored.id, "none of its revisions has a body"});
        auto document = carried(files_[file], windows_[file], std::move(stored), failed);
        document.shard = file;
        document.sequence = sequence;
        document.marker = std::move(marker);
        visit(std::move(document));
    }

    DatabaseInfo info_;
    std::vector<std::shared_ptr<const DatabaseFile>> files_;
    std::vector<BlockFile::Window> windows_;  ///< Where bodies are read, of each file.
    std::vector<std::filesystem::path> missing_;
    FormerFiles former_;
    bool locals_whole_ = false;
    std::optional<storage::FormerSequences> order_;
};

class CouchFolder final : public Source {
public:
    explicit CouchFolder(const std::string& path) {
        const auto tell = [this](const std::string& remark) { remarks_.push_back(remark); };
        for (auto& database : databases_in(path, tell)) {
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
    if (!fs::exists(path)) throw Damage(path + ": no such file or folder");
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
