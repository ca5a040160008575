#include "tools/import/live/live_source.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "tools/import/live/live_database.h"
#include "tools/import/paused_replications.h"

namespace divan::import {
namespace {

using replication::ChangesBatch;
using replication::ChangesFeed;
using replication::ChangesQuery;
using replication::Peer;
using replication::PeerFailure;

constexpr std::size_t rows_first = 100;
constexpr std::size_t rows_max = 500;
constexpr std::uint64_t bytes_wanted = 8U << 20;  ///< Of the documents that are fetched at a time.
constexpr std::size_t read_at_once = 100;
constexpr int locals_page = 500;

std::uint64_t size_of(const std::vector<Document>& documents) {
    std::uint64_t bytes = 1;
    for (const auto& document : documents) {
        for (const auto& leaf : document.leaves) {
            bytes += leaf.json.size();
            for (const auto& attachment : leaf.attachments) bytes += attachment.stored_length;
        }
    }
    return bytes;
}

// Half or twice as many at the most, so that they hold about `bytes_wanted`.
std::size_t next_rows(std::size_t rows, std::uint64_t bytes) {
    const auto fitting = static_cast<std::size_t>(rows * bytes_wanted / bytes);
    return std::clamp<std::size_t>(std::clamp(fitting, rows / 2, rows * 2), 1, rows_max);
}

std::optional<LocalDocument> local_of(const JsonValue& row) {
    const auto* document = row.find("doc");
    const auto* id = row.find("id");
    if (!document || !document->is_object() || !id || !id->is_string()) return std::nullopt;
    LocalDocument local;
    local.id = id->string();
    local.json = "{";
    for (const auto& [name, value] : document->members()) {
        if (name == "_rev" && value.string().starts_with("0-")) {
            local.edits = std::strtoull(value.string().c_str() + 2, nullptr, 10);
        }
        if (name.starts_with('_')) continue;
        if (local.json.size() > 1) local.json.push_back(',');
        append_json_string(local.json, name);
        local.json.push_back(':');
        value.dump_to(local.json);
    }
    local.json.push_back('}');
    return local;
}

// 0 where it is no plain number.
std::uint64_t plain_sequence(std::string_view text) {
    std::uint64_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto [at, failure] = std::from_chars(text.data(), end, number);
    return failure == std::errc() && at == end ? number : 0;
}

// A feed of the peer's, ended on its loop.
class Feed {
public:
    Feed(LiveDatabase& database, const std::string& since) : database_(database) {
        ChangesQuery query;
        query.since = since.empty() ? "0" : since;
        feed_ = database.run<std::unique_ptr<ChangesFeed>>(
            [&](Peer& peer) { return peer.changes(query); });
    }
    ~Feed() {
        database_.server().loop().run_here([&] { feed_.reset(); });
    }
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;

    ChangesBatch next(std::size_t rows) {
        return database_.run<ChangesBatch>([&](Peer&) { return feed_->next(rows); });
    }

private:
    LiveDatabase& database_;
    std::unique_ptr<ChangesFeed> feed_;
};

class LiveSourceDatabase final : public SourceDatabase {
public:
    LiveSourceDatabase(std::shared_ptr<LiveServer> server, const std::string& name)
        : database_(std::move(server), name) {
        const auto about = database_.about();
        const auto* purges = about.find("purge_seq");
        if (purges && !purges->is_null()) purge_sequence_ = purges->dump();
        if (const auto number = update_sequence(about)) {
            former_.plain = true;
            former_.shards.push_back({0, 0, {}, {}, *number});
        }
        info_ = database_.info(about);
    }

    const DatabaseInfo& info() const override { return info_; }
    std::size_t parts() const override { return 1; }

    // CouchDB 1 and PouchDB Server count in plain numbers. What a cluster's say is known of the
    // files alone.
    FormerFiles former() const override { return former_; }

    void documents(std::size_t, const std::string& after,
                   const std::function<void(Document)>& visit,
                   const TellFailure& failed) override {
        Feed feed(database_, after);
        auto marker = after;
        auto rows = rows_first;
        for (bool ended = false; !ended;) {
            const auto batch = feed.next(rows);
            ended = batch.ended;
            auto documents = database_.fetch(batch.rows, failed);
            if (former_.plain) note_sequences(batch, documents);
            rows = next_rows(rows, size_of(documents));
            for (auto& document : documents) {
                const bool last = &document == &documents.back();
                document.marker = last ? batch.last_sequence : marker;
                visit(std::move(document));
            }
            marker = batch.last_sequence;
        }
    }

    void purges(const std::function<void(Purge)>& visit, const TellFailure&) override {
        for (auto& purge : database_.purges()) visit(std::move(purge));
    }
    std::optional<std::string> purge_sequence() const override { return purge_sequence_; }

    void documents_of(const std::set<std::string>& ids,
                      const std::function<void(Document)>& visit,
                      const TellFailure& failed) override {
        std::vector<std::string> some;
        const auto visit_some = [&] {
            for (auto& document : database_.read(some, failed)) visit(std::move(document));
            some.clear();
        };
        for (const auto& id : ids) {
            some.push_back(id);
            if (some.size() == read_at_once) visit_some();
        }
        visit_some();
    }

    void hold_locals(const TellFailure& failed) override {
        auto& held = held_locals_.emplace();
        list_locals([&](LocalDocument local) { held.push_back(std::move(local)); }, failed);
    }

    void locals(const std::function<void(LocalDocument)>& visit,
                const TellFailure& failed) override {
        if (!held_locals_) return list_locals(visit, failed);
        for (const auto& local : *held_locals_) visit(local);
    }
    bool locals_whole() const override { return locals_whole_; }

private:
    // PouchDB Server and CouchDB 1 list none.
    void list_locals(const std::function<void(LocalDocument)>& visit, const TellFailure& failed) {
        std::string from;
        locals_whole_ = false;
        bool whole = true;
        while (true) {
            // From the last one on, which may be gone by now: none after it must be passed over.
            auto query = fmt::format("include_docs=true&limit={}", locals_page);
            if (!from.empty()) query += "&startkey=" + path_part(json_string(from));
            const auto reply = database_.server().ask("GET", database_.path("_local_docs"), query);
            constexpr int server_error = 500;
            if (reply.status >= server_error) {
                failed({"_local_docs", "the source answers " + std::to_string(reply.status)});
            }
            const auto* rows = reply.good() ? reply.json.find("rows") : nullptr;
            if (!rows || !rows->is_array()) return;
            const auto before = from;
            for (const auto& row : rows->items()) {
                auto local = local_of(row);
                whole = whole && local;
                if (!local || local->id == before) continue;
                from = local->id;
                if (is_own_note(local->id)) continue;
                visit(std::move(*local));
            }
            const bool last = rows->items().size() < locals_page;
            locals_whole_ = last && whole;
            if (last || from == before) return;
        }
    }

    static std::optional<std::uint64_t> update_sequence(const JsonValue& about) {
        const auto* sequence = about.find("update_seq");
        const auto number = sequence ? sequence->integer() : std::nullopt;
        if (!number || *number < 0) return std::nullopt;
        return static_cast<std::uint64_t>(*number);
    }

    // A document that was changed since its row was sent comes as it is now: then what it is now
    // must not count as that old change.
    void note_sequences(const ChangesBatch& batch, std::vector<Document>& documents) {
        std::map<std::string_view, const replication::SourceChange*> rows;
        for (const auto& row : batch.rows) rows[row.id] = &row;
        std::optional<std::uint64_t> now;
        for (auto& document : documents) {
            const auto& row = *rows.at(document.id);
            document.sequence = plain_sequence(row.sequence);
            const bool newer = std::any_of(
                document.leaves.begin(), document.leaves.end(), [&](const Leaf& leaf) {
                    return std::find(row.leaves.begin(), row.leaves.end(), leaf.revision()) ==
                           row.leaves.end();
                });
            if (!newer) continue;
            if (!now) now = update_sequence(database_.about());
            document.sequence = now.value_or(0);
        }
    }

    LiveDatabase database_;
    DatabaseInfo info_;
    FormerFiles former_;
    std::optional<std::string> purge_sequence_;
    std::optional<std::vector<LocalDocument>> held_locals_;
    bool locals_whole_ = false;
};

// A running server tells its defaults as well. 4 GB for a document, in CouchDB 1 and 2, was none
// that anybody chose, and is too much for memory.
bool is_old_default(const SettingValue& setting) {
    return setting.name() == "couchdb/max_document_size" && setting.value == "4294967296";
}

class LiveSource final : public Source {
public:
    explicit LiveSource(std::shared_ptr<LiveServer> server) : server_(std::move(server)) {
        if (!server_->only_database().empty()) return;
        const auto greeting = server_->require("GET", "");
        const auto* version = greeting.find("version");
        remarks_.push_back("live at " + server_->address() +
                           (version && version->is_string() ? ", " + version->string() : ""));
    }

    std::vector<std::string> names() override {
        if (!server_->only_database().empty()) return {server_->only_database()};
        std::vector<std::string> names;
        const auto all = server_->require("GET", "_all_dbs");
        for (const auto& name : all.items()) {
            // What CouchDB notes for its own feed of databases means nothing elsewhere.
            if (name.is_string() && name.string() != "_global_changes") {
                names.push_back(name.string());
            }
        }
        std::sort(names.begin(), names.end());
        return names;
    }
    std::unique_ptr<SourceDatabase> open(const std::string& name) override {
        return with_paused_replications(std::make_unique<LiveSourceDatabase>(server_, name));
    }
    const std::vector<std::string>& remarks() const override { return remarks_; }

private:
    std::shared_ptr<LiveServer> server_;
    std::vector<std::string> remarks_;
};

}  // namespace

std::unique_ptr<Source> open_live_source(std::shared_ptr<LiveServer> server) {
    return std::make_unique<LiveSource>(std::move(server));
}

SourceSettings live_settings(LiveServer& server) {
    std::vector<SettingValue> values;
    std::vector<std::string> left;
    try {
        auto config = server.ask("GET", "_node/_local/_config");
        if (!config.good()) config = server.ask("GET", "_config");  // of CouchDB 1
        if (!config.good()) config.json = JsonValue();
        for (const auto& [section, keys] : config.json.members()) {
            for (const auto& [key, value] : keys.members()) {
                if (!value.is_string()) continue;
                SettingValue setting{section, key, value.string()};
                if (is_old_default(setting)) {
                    left.push_back(setting.name());
                } else {
                    values.push_back(std::move(setting));
                }
            }
        }
    } catch (const PeerFailure& failure) {
        // Its settings are not for us to see; its databases may be.
        if (failure.status() != 401 && failure.status() != 403) throw;
    }
    const auto greeting = server.ask("GET", "");
    const auto* uuid = greeting.json.find("uuid");
    if (uuid && uuid->is_string()) values.push_back({"couchdb", "uuid", uuid->string()});
    auto settings = sort_settings(std::move(values));
    settings.left.insert(settings.left.end(), left.begin(), left.end());
    return settings;
}

}  // namespace divan::import
