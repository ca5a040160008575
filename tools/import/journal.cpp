#include "tools/import/journal.h"

#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <ctime>
#include <functional>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "storage/base/json.h"
#include "storage/base/random.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr const char* head_file = "run.json";
constexpr const char* positions_file = "positions.jsonl";
constexpr const char* databases_file = "databases.jsonl";
constexpr const char* settings_file = "settings.jsonl";
constexpr const char* made_file = "made.jsonl";
constexpr const char* removed_file = "removed.jsonl";
constexpr const char* failures_file = "failures.jsonl";

// One for each database: a run may have brought any number of either.
std::string locals_file(const std::string& database) {
    std::string name = "locals-";
    for (const char c : database) {
        if (c == '/') {
            name += "%2F";
        } else {
            name.push_back(c);
        }
    }
    return name + ".jsonl";
}

std::int64_t now() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void write_file(const fs::path& path, const std::string& text) {
    const fs::path beside = path.string() + ".new";
    {
        std::ofstream out(beside, std::ios::binary);
        out << text;
        if (!out.flush()) throw std::runtime_error("cannot write " + beside.string());
    }
    fs::rename(beside, path);
}

std::string text_of(const json::object& line, const char* key) {
    const auto* value = line.if_contains(key);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::uint64_t number_of(const json::object& line, const char* key) {
    const auto* value = line.if_contains(key);
    return value && value->is_int64() ? static_cast<std::uint64_t>(value->as_int64()) : 0;
}

// Of what a run called them at the target, what they are called at the source.
std::map<std::string, std::string> names_before(const Journal::Head& run) {
    std::map<std::string, std::string> names;
    boost::system::error_code error;
    const auto choice = json::parse(run.choice, error);
    const auto* renames = choice.is_object() ? choice.as_object().if_contains("rename") : nullptr;
    if (error || !renames || !renames->is_object()) return names;
    for (const auto& [from, to] : renames->as_object()) {
        if (to.is_string()) names.emplace(to.as_string(), from);
    }
    return names;
}

// Every whole line; the last one may be torn.
void each_line(const fs::path& path, const std::function<void(const json::object&)>& visit) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        boost::system::error_code error;
        const auto value = json::parse(line, error);
        if (!error && value.is_object()) visit(value.as_object());
    }
}

Journal::Head read_head(const fs::path& folder) {
    Journal::Head head;
    each_line(folder / head_file, [&](const json::object& line) {
        head = {text_of(line, "id"), text_of(line, "source"), text_of(line, "target"), 0,
                text_of(line, "state"), "{}"};
        if (line.contains("choice")) head.choice = text_of(line, "choice");
        if (const auto* started = line.if_contains("started"); started && started->is_int64()) {
            head.started = started->as_int64();
        }
    });
    if (head.id.empty()) throw std::runtime_error(folder.string() + ": no import run in it");
    return head;
}

}  // namespace

Journal::Journal(fs::path folder, Head head) : folder_(std::move(folder)), head_(std::move(head)) {}

Journal Journal::begin(const fs::path& folder, const std::string& source,
                       const std::string& target, const std::string& choice) {
    Head head;
    head.started = now();
    const auto moment = fmt::gmtime(static_cast<std::time_t>(head.started));
    head.id = fmt::format("{:%Y%m%d-%H%M%S}-{}", moment, random_uuid().substr(0, 6));
    head.source = source;
    head.target = target;
    head.choice = choice;
    const auto own = folder / head.id;
    fs::create_directories(own);
    Journal journal(own, std::move(head));
    journal.set_state("running");
    return journal;
}

Journal Journal::reopen(const fs::path& folder, const std::string& id) {
    Journal journal(folder / id, read_head(folder / id));
    each_line(folder / id / positions_file, [&](const json::object& line) {
        auto& position = journal.positions_[text_of(line, "database")];
        position.after = text_of(line, "after");
        const auto* part = line.if_contains("part");
        position.part = part && part->is_int64() ? static_cast<std::size_t>(part->as_int64()) : 0;
        position.finished = line.contains("finished");
    });
    each_line(folder / id / databases_file, [&](const json::object& line) {
        journal.new_databases_.insert(text_of(line, "database"));
    });
    return journal;
}

std::vector<Journal::Head> Journal::list(const fs::path& folder) {
    std::vector<Head> heads;
    if (!fs::exists(folder)) return heads;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (fs::exists(entry.path() / head_file)) heads.push_back(read_head(entry.path()));
    }
    std::sort(heads.begin(), heads.end(), [](const Head& one, const Head& other) {
        return std::pair(one.started, one.id) < std::pair(other.started, other.id);
    });
    return heads;
}

std::optional<std::string> Journal::unfinished(const fs::path& folder, const std::string& source,
                                               const std::string& target) {
    std::optional<std::string> newest;
    for (const auto& head : list(folder)) {
        const bool same = head.source == source && head.target == target;
        if (same && head.state == "running") newest = head.id;
    }
    return newest;
}

void Journal::append(const char* file, const std::string& line) {
    const std::lock_guard lock(*mutex_);
    auto& out = files_[file];
    if (!out.is_open()) {
        out.open(folder_ / file, std::ios::app | std::ios::binary);
        out << '\n';  // after a line that was torn
    }
    out << line << '\n';
    if (!out.flush()) throw std::runtime_error("cannot write to " + (folder_ / file).string());
}

Position Journal::position(const std::string& database) const {
    const std::lock_guard lock(*mutex_);
    const auto found = positions_.find(database);
    return found == positions_.end() ? Position{} : found->second;
}

void Journal::note_position(const std::string& database, const Position& position) {
    json::object line{{"database", database}, {"part", position.part}, {"after", position.after}};
    if (position.finished) line["finished"] = true;
    append(positions_file, json::serialize(line));
    const std::lock_guard lock(*mutex_);
    positions_[database] = position;
}

void Journal::note_new_database(const std::string& database) {
    append(databases_file, json::serialize(json::object{{"database", database}}));
    const std::lock_guard lock(*mutex_);
    new_databases_.insert(database);
}

bool Journal::is_new(const std::string& database) const {
    const std::lock_guard lock(*mutex_);
    return new_databases_.contains(database);
}

void Journal::note_settings(const std::string& database, const std::string& settings) {
    append(settings_file,
           json::serialize(json::object{{"database", database}, {"settings", settings}}));
}

std::vector<Journal::Brought> Journal::brought(const fs::path& folder, const std::string& source) {
    std::map<std::pair<std::string, std::string>, Brought> newest;
    for (const auto& head : list(folder)) {
        if (head.source != source || head.state == "rolled back") continue;
        const auto before = names_before(head);
        each_line(folder / head.id / databases_file, [&](const json::object& line) {
            const auto database = text_of(line, "database");
            const auto renamed = before.find(database);
            newest[{head.target, database}] = {
                renamed == before.end() ? database : renamed->second, database, head.target,
                head.id};
        });
    }
    std::vector<Brought> all;
    for (auto& [where, one] : newest) all.push_back(std::move(one));
    return all;
}

Journal::Earlier Journal::earlier() const {
    Earlier earlier;
    for (const auto& head : list(folder_.parent_path())) {
        const bool same = head.source == head_.source && head.target == head_.target;
        if (!same || head.state == "rolled back") continue;
        const auto run = folder_.parent_path() / head.id;
        each_line(run / databases_file, [&](const json::object& line) {
            earlier.databases.insert(text_of(line, "database"));
        });
        each_line(run / settings_file, [&](const json::object& line) {
            earlier.settings[text_of(line, "database")] = text_of(line, "settings");
        });
    }
    return earlier;
}

void Journal::note_created(const std::string& database,
                           const std::vector<MissingLeaves>& created) {
    if (created.empty()) return;
    std::string lines, text;
    const auto head = "{\"database\":" + json_string(database) + ",\"id\":";
    for (const auto& document : created) {
        if (!lines.empty()) lines.push_back('\n');
        lines += head;
        append_json_string(lines, document.id);
        lines += ",\"leaves\":[";
        for (const auto& leaf : document.leaves) {
            if (lines.back() != '[') lines.push_back(',');
            text.clear();
            storage::append_revision(text, leaf);
            append_json_string(lines, text);
        }
        lines += "]}";
    }
    append(made_file, lines);
}

void Journal::note_local(const std::string& database, const std::string& id) {
    append(made_file, json::serialize(json::object{{"database", database}, {"local", id}}));
}

void Journal::note_brought_locals(const std::string& database,
                                  const std::vector<BroughtLocal>& locals) {
    if (locals.empty()) return;
    // Not kept open: there may be more databases than open files are allowed.
    const auto path = folder_ / locals_file(database);
    std::ofstream out(path, std::ios::app | std::ios::binary);
    out << '\n';  // after a line that was torn
    for (const auto& one : locals) {
        out << json::serialize(json::object{
                   {"local", one.id}, {"edits", one.edits}, {"digest", one.digest}})
            << '\n';
    }
    if (!out.flush()) throw std::runtime_error("cannot write to " + path.string());
}

void Journal::each_brought_local(const fs::path& folder, const std::string& source,
                                 const std::string& target, const std::string& database,
                                 const std::function<void(BroughtLocal)>& visit) {
    for (const auto& head : list(folder)) {
        const bool same = head.source == source && head.target == target;
        if (!same || head.state == "rolled back") continue;
        each_line(folder / head.id / locals_file(database), [&](const json::object& line) {
            visit({text_of(line, "local"), number_of(line, "edits"), text_of(line, "digest")});
        });
    }
}

void Journal::note_removed(const std::string& database, const LocalDocument& local) {
    append(removed_file, json::serialize(json::object{{"database", database},
                                                      {"local", local.id},
                                                      {"edits", local.edits},
                                                      {"json", local.json}}));
}

void Journal::each_removed(
    const std::function<void(std::string database, LocalDocument)>& visit) const {
    each_line(folder_ / removed_file, [&](const json::object& line) {
        visit(text_of(line, "database"),
              {text_of(line, "local"), number_of(line, "edits"), text_of(line, "json")});
    });
}

void Journal::note_failure(const std::string& database, const Failure& failure) {
    append(failures_file, json::serialize(json::object{{"database", database},
                                                       {"what", failure.what},
                                                       {"reason", failure.reason}}));
}

void Journal::set_state(const std::string& state) {
    head_.state = state;
    write_file(folder_ / head_file, json::serialize(json::object{{"id", head_.id},
                                                                 {"source", head_.source},
                                                                 {"target", head_.target},
                                                                 {"started", head_.started},
                                                                 {"choice", head_.choice},
                                                                 {"state", state}}) +
                                        "\n");
}

void Journal::write_report(const std::string& json_text, const std::string& text) const {
    write_file(folder_ / "report.json", json_text + "\n");
    write_file(folder_ / "report.txt", text);
}

void Journal::each_made(const std::function<void(Made)>& visit) const {
    each_line(folder_ / made_file, [&](const json::object& line) {
        Made made{text_of(line, "database"), {text_of(line, "id"), {}, false},
                  text_of(line, "local")};
        if (const auto* leaves = line.if_contains("leaves"); leaves && leaves->is_array()) {
            for (const auto& leaf : leaves->as_array()) {
                made.document.leaves.push_back(
                    storage::parse_revision(std::string(leaf.as_string())).value());
            }
        }
        visit(std::move(made));
    });
}

}  // namespace divan::import
