#include "tools/import/live/http_target.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <span>

#include <fmt/format.h>

#include "auth/permissions.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/live/live_database.h"
#include "tools/import/live/outgoing.h"

namespace divan::import {
namespace {

using replication::DocumentRevisions;
using replication::Peer;
using replication::PeerFailure;
using replication::StoreOutcome;
using replication::TravellingDocument;

// CouchDB refuses more: [purge] max_document_id_number, max_revisions_number.
constexpr std::size_t purges_at_once = 100;
constexpr std::size_t purged_revisions_at_once = 1000;
constexpr std::size_t asked_at_once = 5000;
constexpr std::uint64_t request_bytes_max = 4U << 20;

// The N of "0-N".
std::uint64_t local_edits(std::string_view revision) {
    std::uint64_t edits = 0;
    if (!revision.starts_with("0-")) return edits;
    std::from_chars(revision.data() + 2, revision.data() + revision.size(), edits);
    return edits;
}

// {"id": ["N-hash", …], …}
std::string revisions_json(const std::vector<MissingLeaves>& documents) {
    std::string json = "{";
    for (const auto& document : documents) {
        if (json.size() > 1) json.push_back(',');
        append_json_string(json, document.id);
        json.push_back(':');
        std::vector<std::string> texts;
        for (const auto& leaf : document.leaves) texts.push_back(storage::to_string(leaf));
        append_json_strings(json, texts);
    }
    return json + "}";
}

class HttpDatabase final : public TargetDatabase {
public:
    HttpDatabase(std::shared_ptr<LiveServer> server, const std::string& name)
        : database_(std::move(server), name) {}

    std::vector<MissingLeaves> missing(const std::vector<Document>& documents) override {
        std::vector<MissingLeaves> result;
        for (std::size_t from = 0; from < documents.size(); from += asked_at_once) {
            auto part = missing_of(std::span(documents).subspan(
                from, std::min(asked_at_once, documents.size() - from)));
            std::move(part.begin(), part.end(), std::back_inserter(result));
        }
        return result;
    }

    void write(std::vector<Document> documents, const TellFailure& failed) override {
        std::vector<TravellingDocument> batch;
        std::uint64_t bytes = 0;
        for (auto& document : documents) {
            for (auto& leaf : document.leaves) {
                auto travelling = outgoing(document.id, leaf);
                if (travelling.has_attachments()) {
                    store_streamed(std::move(travelling), leaf, failed);
                    continue;
                }
                bytes += travelling.json.size();
                batch.push_back(std::move(travelling));
                if (bytes < request_bytes_max) continue;
                store(std::move(batch), failed);
                batch.clear();
                bytes = 0;
            }
        }
        store(std::move(batch), failed);
        database_.run<std::string>([](Peer& peer) { return peer.ensure_durable(); });
    }

    void write_local(const LocalDocument& document) override {
        const auto name = local_name(document.id);
        // The new one is counted on from the one that is given, whether or not that was there.
        const auto before = document.edits > 1 ? fmt::format("0-{}", document.edits - 1) : "";
        database_.run<std::string>([&](Peer& peer) {
            return peer.put_local_document(name, document.json, before);
        });
    }

    void write_settings(const DatabaseInfo& info) override {
        auto& server = database_.server();
        const auto there = database_.info();
        const auto put_limit = [&](const char* name, std::uint64_t value, std::uint64_t before) {
            if (value != before) server.ask("PUT", database_.path(name), {}, std::to_string(value));
        };
        put_limit("_revs_limit", info.revs_limit, there.revs_limit);
        put_limit("_purged_infos_limit", info.purged_infos_limit, there.purged_infos_limit);
        if (info.security.empty() || info.security == there.security) return;
        auth::validate_security(info.security).value();
        server.require("PUT", database_.path("_security"), {}, info.security);
    }

    DatabaseInfo info() override { return database_.info(); }

    std::vector<Document> read(const std::vector<std::string>& ids) override {
        const auto failed = [](const Failure& failure) {
            throw Damage(failure.what + ": " + failure.reason);
        };
        auto found = database_.read(ids, failed);
        std::vector<Document> documents;
        auto next = found.begin();
        for (const auto& id : ids) {
            const bool there = next != found.end() && next->id == id;
            documents.push_back(there ? std::move(*next++) : Document{id, {}, {}});
        }
        return documents;
    }

    std::optional<LocalDocument> read_local(const std::string& id) override {
        const auto name = local_name(id);
        const auto text = database_.run<std::optional<std::string>>(
            [&](Peer& peer) { return peer.local_document(name); });
        if (!text) return std::nullopt;
        const auto json = parse_json(*text).value();
        LocalDocument local{id, 0, "{"};
        for (const auto& [key, value] : json.members()) {
            if (key == "_rev") local.edits = local_edits(value.string());
            if (key.starts_with('_')) continue;
            if (local.json.size() > 1) local.json.push_back(',');
            append_json_string(local.json, key);
            local.json.push_back(':');
            value.dump_to(local.json);
        }
        local.json.push_back('}');
        return local;
    }

    std::vector<Purge> purges() override { return database_.purges(); }

    std::uint64_t document_count() override {
        const auto about = database_.server().require("GET", database_.path());
        std::uint64_t count = 0;
        for (const auto* name : {"doc_count", "doc_del_count"}) {
            const auto* value = about.find(name);
            count += value ? static_cast<std::uint64_t>(value->integer().value_or(0)) : 0;
        }
        return count;
    }

    bool packs_attachments() const override { return true; }

    void purge(const std::vector<MissingLeaves>& created) override {
        std::vector<MissingLeaves> part;
        std::set<std::string> ids;  // A request names each document once.
        std::size_t revisions = 0;
        for (const auto& document : created) {
            revisions += document.leaves.size();
            if (part.size() == purges_at_once || revisions > purged_revisions_at_once ||
                ids.contains(document.id)) {
                if (!part.empty()) send_purge(part);
                part.clear();
                ids.clear();
                revisions = document.leaves.size();
            }
            ids.insert(document.id);
            part.push_back(document);
        }
        if (!part.empty()) send_purge(part);
    }

    void erase_local(const std::string& id) override {
        const auto path = database_.path("_local/" + path_part(local_name(id)));
        const auto found = database_.server().find(path);
        const auto* revision = found ? found->find("_rev") : nullptr;
        if (revision) database_.server().require("DELETE", path, "rev=" + revision->string());
    }

private:
    void send_purge(const std::vector<MissingLeaves>& rows) {
        database_.server().require("POST", database_.path("_purge"), {}, revisions_json(rows));
    }

    static std::string local_name(const std::string& id) {
        return id.substr(std::string_view("_local/").size());
    }

    std::vector<MissingLeaves> missing_of(std::span<const Document> documents) {
        std::vector<DocumentRevisions> asked;
        for (const auto& document : documents) {
            auto& one = asked.emplace_back();
            one.id = document.id;
            for (const auto& leaf : document.leaves) one.revisions.push_back(leaf.revision());
        }
        const auto absent = database_.run<std::vector<DocumentRevisions>>(
            [&](Peer& peer) { return peer.missing(asked); });
        std::map<std::string, std::vector<storage::Revision>> by_id;
        for (const auto& one : absent) by_id[one.id] = one.revisions;
        std::vector<MissingLeaves> result;
        for (const auto& document : documents) {
            auto found = by_id.find(document.id);
            if (found == by_id.end()) continue;
            result.push_back({document.id, std::move(found->second), false});
            by_id.erase(found);
        }
        find_existing(result);
        return result;
    }

    // Which of these the target has with other revisions: `_revs_diff` does not say so.
    void find_existing(std::vector<MissingLeaves>& documents) {
        if (documents.empty()) return;
        std::string keys = R"({"keys":[)";
        for (const auto& document : documents) {
            if (keys.back() != '[') keys.push_back(',');
            append_json_string(keys, document.id);
        }
        const auto all =
            database_.server().require("POST", database_.path("_all_docs"), {}, keys + "]}");
        const auto* rows = all.find("rows");
        if (!rows || rows->items().size() != documents.size()) return;
        for (std::size_t at = 0; at < documents.size(); ++at) {
            documents[at].exists = rows->items()[at].find("value") != nullptr;
        }
    }

    void store(std::vector<TravellingDocument> batch, const TellFailure& failed) {
        if (batch.empty()) return;
        std::vector<std::string> names;
        for (const auto& one : batch) {
            names.push_back(one.id + " " + storage::to_string(one.revision));
        }
        const auto outcomes = database_.run<std::vector<StoreOutcome>>(
            [&](Peer& peer) { return peer.store(std::move(batch)); });
        for (std::size_t at = 0; at < outcomes.size() && at < names.size(); ++at) {
            tell(names[at], outcomes[at], failed);
        }
    }

    void store_streamed(TravellingDocument document, const Leaf& leaf, const TellFailure& failed) {
        const auto name = document.id + " " + storage::to_string(document.revision);
        try {
            LeafBytes bytes(leaf);
            const auto outcome = database_.run<StoreOutcome>([&](Peer& peer) {
                return peer.store_streamed(std::move(document), bytes);
            });
            tell(name, outcome, failed);
        } catch (const Damage& damage) {
            failed({name, damage.what()});
        }
    }

    static void tell(const std::string& name, const StoreOutcome& outcome,
                     const TellFailure& failed) {
        if (!outcome.stored) failed({name, outcome.error + ": " + outcome.reason});
    }

    LiveDatabase database_;
};

class HttpTarget final : public Target {
public:
    explicit HttpTarget(std::shared_ptr<LiveServer> server) : server_(std::move(server)) {}

    bool exists(const std::string& name) override {
        return server_->find(path_part(name)).has_value();
    }

    std::unique_ptr<TargetDatabase> open(const DatabaseInfo& info) override {
        if (!exists(info.name)) {
            server_->require("PUT", path_part(info.name),
                             info.partitioned ? "partitioned=true" : "");
        }
        auto database = std::make_unique<HttpDatabase>(server_, info.name);
        if (database->info().partitioned != info.partitioned) {
            throw Damage(info.name + ": one of source and target is partitioned, the other not");
        }
        return database;
    }

    std::unique_ptr<TargetDatabase> open_existing(const std::string& name) override {
        if (!exists(name)) throw Damage(name + ": the target has no such database");
        return std::make_unique<HttpDatabase>(server_, name);
    }

    void erase(const std::string& name) override { server_->require("DELETE", path_part(name)); }

private:
    std::shared_ptr<LiveServer> server_;
};

}  // namespace

std::unique_ptr<Target> open_http_target(std::shared_ptr<LiveServer> server) {
    return std::make_unique<HttpTarget>(std::move(server));
}

}  // namespace divan::import
