#include <algorithm>
#include <map>
#include <optional>

#include "storage/base/json.h"
#include "storage/document/client_document.h"
#include "tools/import/backup/object_splitter.h"
#include "tools/import/backup/text_file.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/paused_replications.h"
#include "tools/import/source.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

std::string name_of(const fs::path& path) {
    auto name = path.filename().string();
    for (const std::string_view ending : {".gz", ".zst", ".txt", ".jsonl", ".json", ".backup",
                                          ".ndjson"}) {
        if (name.size() > ending.size() && name.ends_with(ending)) {
            name.erase(name.size() - ending.size());
        }
    }
    return name;
}

Attachment carried(storage::ClientAttachment sent) {
    if (sent.kind != storage::ClientAttachment::Kind::inline_data) {
        throw Damage("attachment " + sent.name + " is only named in the backup, its bytes are not "
                     "in it");
    }
    Attachment attachment;
    attachment.name = std::move(sent.name);
    attachment.content_type = std::move(sent.content_type);
    attachment.revpos = sent.revpos.value_or(0);
    attachment.length = attachment.stored_length = sent.data.size();
    attachment.as_clients_see = true;
    attachment.read = [bytes = std::move(sent.data)](const TakeBytes& take) { take(bytes); };
    return attachment;
}

// A revision is made for what has none, the one that CouchDB would give a new document: so the
// same file imported twice is the same documents.
Leaf carried(storage::ClientDocument sent) {
    Leaf leaf;
    leaf.deleted = sent.deleted;
    if (!sent.revisions.empty()) {
        leaf.generation = sent.revisions_start;
        leaf.path = std::move(sent.revisions);
    } else {
        const auto revision = sent.revision
                                  ? *sent.revision
                                  : storage::new_revision(sent.deleted, nullptr, sent.term, {});
        leaf.generation = revision.generation;
        leaf.path = {revision.hash};
    }
    leaf.json = std::move(sent.body);
    for (auto& attachment : sent.attachments) {
        leaf.attachments.push_back(carried(std::move(attachment)));
    }
    for (auto& attachment : leaf.attachments) {
        if (attachment.revpos == 0) attachment.revpos = leaf.generation;
    }
    return leaf;
}

// A row of `_all_docs` or `_bulk_get` holds its document; couchbackup's first line holds none.
std::optional<std::string> document_text(std::string_view object) {
    const auto value = parse_json(object);
    if (!value) throw Damage(value.error().reason);
    if (value->find("_id")) return std::string(object);
    const auto* inner = value->find("doc");
    if (!inner) inner = value->find("ok");
    if (inner && inner->is_object()) return inner->dump();
    const auto* name = value->find("name");
    const bool about_itself = name && name->is_string() && value->find("version");
    if (about_itself || value->find("error") || value->find("deleted")) return std::nullopt;
    throw Damage("neither a document nor a row with one (it needs include_docs=true)");
}

class BackupDatabase final : public SourceDatabase {
public:
    BackupDatabase(fs::path path, std::string name) : path_(std::move(path)) {
        info_.name = std::move(name);
    }

    const DatabaseInfo& info() const override { return info_; }
    std::size_t parts() const override { return 1; }
    bool whole_documents() const override { return false; }

    void documents(std::size_t, const std::string& after,
                   const std::function<void(Document)>& visit,
                   const TellFailure& failed) override {
        const std::uint64_t done = after.empty() ? 0 : std::stoull(after);
        std::uint64_t number = 0;
        ObjectSplitter splitter([&](std::string_view object) {
            if (++number > done) take(object, number, visit, failed);
        });
        TextFile file(path_);
        try {
            for (std::string bytes; file.read(bytes);) splitter.feed(bytes);
            splitter.finish();
            if (splitter.stray_bytes() > 0) {
                failed({path_.string(), std::to_string(splitter.stray_bytes()) +
                                            " bytes between the documents are no JSON"});
            }
        } catch (const Damage& damage) {
            failed({path_.string() + " after document " + std::to_string(number), damage.what()});
        }
    }

    void locals(const std::function<void(LocalDocument)>&, const TellFailure&) override {}

private:
    void take(std::string_view object, std::uint64_t number,
              const std::function<void(Document)>& visit, const TellFailure& failed) const {
        std::string what = "document " + std::to_string(number);
        Document document;
        try {
            const auto text = document_text(object);
            if (!text) return;
            auto sent = storage::parse_client_document(*text).value();
            if (!sent.id) throw Damage("a document without _id");
            what += " (" + *sent.id + ")";
            document.id = *sent.id;
            document.marker = std::to_string(number);
            if (document.id.starts_with("_local/")) return;
            document.leaves.push_back(carried(std::move(sent)));
        } catch (const Damage& damage) {
            return failed({what, damage.what()});
        } catch (const Refused& refused) {
            return failed({what, refused.error().reason});
        }
        visit(std::move(document));
    }

    fs::path path_;
    DatabaseInfo info_;
};

class Backups final : public Source {
public:
    explicit Backups(const fs::path& path) {
        if (fs::is_directory(path)) {
            for (const auto& entry : fs::directory_iterator(path)) {
                if (entry.is_regular_file() && looks_like_backup(entry.path())) add(entry.path());
            }
        } else {
            add(path);
        }
        if (files_.empty()) throw Damage(path.string() + ": no databases and no backups in it");
    }

    std::vector<std::string> names() override {
        std::vector<std::string> names;
        for (const auto& [name, path] : files_) names.push_back(name);
        return names;
    }
    std::unique_ptr<SourceDatabase> open(const std::string& name) override {
        return with_paused_replications(
            std::make_unique<BackupDatabase>(files_.at(name), name));
    }
    const std::vector<std::string>& remarks() const override { return remarks_; }

private:
    static bool looks_like_backup(const fs::path& path) {
        std::string bytes;
        TextFile file(path);
        if (!file.read(bytes)) return false;
        const auto first = bytes.find_first_not_of(" \t\r\n");
        return first != std::string::npos && (bytes[first] == '{' || bytes[first] == '[');
    }

    void add(const fs::path& path) {
        const auto [there, added] = files_.emplace(name_of(path), path);
        if (!added) {
            remarks_.push_back(path.string() + ": not read, " + there->second.string() +
                               " has the same name");
        }
    }

    std::map<std::string, fs::path> files_;
    std::vector<std::string> remarks_;
};

}  // namespace

std::unique_ptr<Source> open_backups(const std::string& path) {
    return std::make_unique<Backups>(path);
}

}  // namespace divan::import
