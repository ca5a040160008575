#include "tools/import/live/live_database.h"

#include <algorithm>
#include <map>

#include "storage/base/json.h"
#include "storage/document/client_document.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/live/spool.h"

namespace divan::import {
namespace {

using replication::TravellingDocument;
using storage::ClientAttachment;

std::optional<Md5Digest> digest_of(std::string_view text) {
    constexpr std::string_view prefix = "md5-";
    if (!text.starts_with(prefix)) return std::nullopt;
    const auto bytes = base64_decode(text.substr(prefix.size()));
    Md5Digest digest;
    if (!bytes || bytes->size() != digest.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), digest.begin());
    return digest;
}

// What a document says of an attachment whose bytes are in it.
std::optional<Md5Digest> told_digest(const JsonValue& document, const std::string& name) {
    const auto* all = document.find("_attachments");
    const auto* one = all ? all->find(name) : nullptr;
    const auto* digest = one ? one->find("digest") : nullptr;
    return digest && digest->is_string() ? digest_of(digest->string()) : std::nullopt;
}

// Takes documents as they arrive, their attachments into memory or a file.
class Collector final : public replication::DocumentSink {
public:
    explicit Collector(const TellFailure& failed) : failed_(failed) {}

    Task<void> take(TravellingDocument document,
                    replication::AttachmentSource* attachments) override {
        const auto what = document.id + " " + storage::to_string(document.revision);
        auto parsed = storage::parse_client_document(document.json);
        if (!parsed) {
            failed_({what, parsed.error().reason});
            co_return;
        }
        Leaf leaf;
        std::string broken;
        std::size_t following = 0;
        std::optional<JsonValue> told;
        for (auto& sent : parsed->attachments) {
            Attachment attachment;
            if (sent.kind == ClientAttachment::Kind::follows && attachments != nullptr) {
                SpooledBytes bytes(spool_);
                const auto index = following++;
                std::string piece;
                for (bool more = true; more;) {
                    piece.clear();
                    more = co_await attachments->read(index, piece);
                    bytes.append(piece);
                }
                attachment = followed(sent, std::move(bytes));
            } else if (sent.kind == ClientAttachment::Kind::inline_data) {
                if (!told) told = parse_json(document.json).value();
                attachment = carried(sent, told_digest(*told, sent.name));
            } else {
                broken = "attachment " + sent.name + " is only named";
            }
            leaf.attachments.push_back(std::move(attachment));
        }
        if (!broken.empty()) {
            failed_({what, broken});
            co_return;
        }
        add(document, std::move(*parsed), std::move(leaf));
    }

    void absent(std::string_view id, const storage::Revision& revision, std::string_view error,
                std::string_view reason) override {
        failed_({std::string(id) + " " + storage::to_string(revision),
                 "the source does not give it: " + std::string(error) + " " + std::string(reason)});
    }

    std::map<std::string, std::vector<Leaf>>& leaves() { return leaves_; }

private:
    static Attachment described(const ClientAttachment& sent) {
        Attachment attachment;
        attachment.name = sent.name;
        attachment.content_type = sent.content_type;
        attachment.revpos = sent.revpos.value_or(0);
        return attachment;
    }
    // The digest is that of the bytes as they are stored.
    static Attachment carried(ClientAttachment& sent, const std::optional<Md5Digest>& told) {
        auto attachment = described(sent);
        attachment.length = attachment.stored_length = sent.data.size();
        const bool as_stored = told && *told == md5(sent.data);
        if (as_stored) attachment.digest = told;
        attachment.as_clients_see = !as_stored;
        attachment.read = [bytes = std::move(sent.data)](const TakeBytes& take) { take(bytes); };
        return attachment;
    }
    // Bytes whose digest is another one were unpacked on the way: the target may pack them.
    static Attachment followed(const ClientAttachment& sent, SpooledBytes bytes) {
        auto attachment = described(sent);
        attachment.stored_length = bytes.size();
        const auto told = digest_of(sent.digest);
        const bool as_stored = told && *told == bytes.digest();
        attachment.gzip = sent.gzip;
        attachment.length = sent.gzip ? sent.length.value_or(bytes.size()) : bytes.size();
        if (as_stored) attachment.digest = told;
        attachment.as_clients_see = !as_stored && !sent.gzip;
        attachment.read = [kept = std::make_shared<SpooledBytes>(std::move(bytes))](
                              const TakeBytes& take) { kept->read(take); };
        return attachment;
    }

    void add(const TravellingDocument& document, storage::ClientDocument parsed, Leaf leaf) {
        leaf.deleted = parsed.deleted;
        leaf.json = std::move(parsed.body);
        leaf.generation = document.revision.generation;
        leaf.path = std::move(parsed.revisions);
        if (leaf.path.empty()) leaf.path = {document.revision.hash};
        for (auto& attachment : leaf.attachments) {
            if (attachment.revpos == 0) attachment.revpos = leaf.generation;
        }
        auto& leaves = leaves_[document.id];
        const bool twice = std::any_of(leaves.begin(), leaves.end(), [&](const Leaf& other) {
            return other.revision() == leaf.revision();
        });
        if (!twice) leaves.push_back(std::move(leaf));
    }

    const TellFailure& failed_;
    std::shared_ptr<Spool> spool_ = std::make_shared<Spool>();
    std::map<std::string, std::vector<Leaf>> leaves_;
};

}  // namespace

LiveDatabase::LiveDatabase(std::shared_ptr<LiveServer> server, std::string name)
    : server_(std::move(server)), name_(std::move(name)), peer_(server_->make_peer(name_)) {}

LiveDatabase::~LiveDatabase() {
    server_->loop().run_here([&] { peer_.reset(); });
}

std::string LiveDatabase::path(const std::string& rest) const {
    return path_part(name_) + (rest.empty() ? "" : "/" + rest);
}

JsonValue LiveDatabase::about() {
    return server_->require("GET", path());
}

DatabaseInfo LiveDatabase::info(const JsonValue& about) {
    DatabaseInfo info;
    info.name = name_;
    const auto* properties = about.find("props");
    const auto* partitioned = properties ? properties->find("partitioned") : nullptr;
    info.partitioned = partitioned && partitioned->is_bool() && partitioned->boolean();
    const auto security = server_->find(path("_security"));
    // PouchDB Server and CouchDB before 3 answer {} where none was ever put.
    const bool put = security && security->is_object() &&
                     (!security->members().empty() || server_->secures_databases());
    if (put) info.security = security->dump();
    const auto limit = [&](const char* name, std::uint64_t& value) {
        const auto reply = server_->ask("GET", path(name));
        const auto number = reply.good() ? reply.json.integer() : std::nullopt;
        if (number && *number > 0) value = static_cast<std::uint64_t>(*number);
    };
    limit("_revs_limit", info.revs_limit);
    limit("_purged_infos_limit", info.purged_infos_limit);
    return info;
}

std::vector<Purge> LiveDatabase::purges() {
    std::vector<Purge> purges;
    const auto reply = server_->ask("GET", path("_purged_infos"));
    constexpr int server_error = 500;
    if (reply.status >= server_error) server_->require("GET", path("_purged_infos"));
    const auto* infos = reply.good() ? reply.json.find("purged_infos") : nullptr;
    if (!infos || !infos->is_array()) return purges;
    for (const auto& info : infos->items()) {
        const auto* id = info.is_object() ? info.find("id") : nullptr;
        const auto* revisions = info.is_object() ? info.find("revs") : nullptr;
        if (!id || !id->is_string() || !revisions || !revisions->is_array()) continue;
        Purge purge{id->string(), {}};
        for (const auto& text : revisions->items()) {
            if (!text.is_string()) continue;
            if (const auto one = storage::parse_revision(text.string())) {
                purge.revisions.push_back(*one);
            }
        }
        purges.push_back(std::move(purge));
    }
    return purges;
}

std::vector<Document> LiveDatabase::fetch(const std::vector<replication::SourceChange>& rows,
                                          const TellFailure& failed) {
    Collector collector(failed);
    std::vector<replication::DocumentRevisions> wanted;
    for (const auto& row : rows) wanted.push_back({row.id, row.leaves, {}});
    run<void>([&](replication::Peer& peer) { return peer.fetch(wanted, collector); });
    std::vector<Document> documents;
    for (const auto& row : rows) {
        auto found = collector.leaves().find(row.id);
        if (found == collector.leaves().end()) continue;
        documents.push_back({row.id, std::move(found->second), {}});
        collector.leaves().erase(found);
    }
    return documents;
}

std::vector<Document> LiveDatabase::read(const std::vector<std::string>& ids,
                                         const TellFailure& failed) {
    if (ids.empty()) return {};
    replication::ChangesQuery query;
    query.doc_ids = ids;
    std::map<std::string, replication::SourceChange> found;
    auto feed = run<std::unique_ptr<replication::ChangesFeed>>(
        [&](replication::Peer& peer) { return peer.changes(query); });
    const auto end_feed = [&] { server_->loop().run_here([&] { feed.reset(); }); };
    try {
        for (bool ended = false; !ended;) {
            auto batch = run<replication::ChangesBatch>(
                [&](replication::Peer&) { return feed->next(ids.size()); });
            for (auto& row : batch.rows) found[row.id] = std::move(row);
            ended = batch.ended;
        }
    } catch (...) {
        end_feed();
        throw;
    }
    end_feed();
    std::vector<replication::SourceChange> rows;
    for (const auto& id : ids) {
        if (found.contains(id)) rows.push_back(found[id]);
    }
    return fetch(rows, failed);
}

}  // namespace divan::import
