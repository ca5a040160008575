#include "tools/import/couch_file/data_folder.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "storage/base/json.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/database_file.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;
using Told = std::function<void(const std::string&)>;
using Databases = std::map<std::string, FolderDatabase>;

constexpr std::string_view extension = ".couch";
constexpr std::string_view shard_map = "_dbs.couch";
constexpr std::string_view shard_folder = "shards";

bool is_database_file(const fs::path& path) {
    return path.extension() == extension && path.filename() != shard_map &&
           path.filename() != "_nodes.couch";
}

// "shards/RANGE/NAME.SUFFIX.couch", taken apart.
struct Shard {
    std::string range;
    std::string name;
    std::string suffix;
};

std::optional<Shard> shard_of(const fs::path& relative) {
    auto part = relative.begin();
    if (part == relative.end() || *part++ != shard_folder || part == relative.end()) return {};
    Shard shard;
    shard.range = *part++;
    for (; part != relative.end(); ++part) {
        if (!shard.name.empty()) shard.name.push_back('/');
        shard.name += part->string();
    }
    if (!shard.name.ends_with(extension)) return {};
    shard.name.resize(shard.name.size() - extension.size());
    const auto dot = shard.name.rfind('.');
    const bool numbered = dot != std::string::npos && dot + 1 < shard.name.size() &&
                          std::all_of(shard.name.begin() + static_cast<std::ptrdiff_t>(dot) + 1,
                                      shard.name.end(),
                                      [](char digit) { return digit >= '0' && digit <= '9'; });
    if (numbered) {
        shard.suffix = shard.name.substr(dot);
        shard.name.resize(dot);
    }
    return shard;
}

// `shard_suffix` is a list of character codes.
std::string suffix_of(const JsonValue& entry) {
    std::string suffix;
    const auto* stored = entry.find("shard_suffix");
    if (!stored) return suffix;
    if (stored->is_string()) return stored->string();
    for (const auto& code : stored->items()) {
        const auto byte = code.integer();
        if (!byte || *byte < 0x20 || *byte > 0x7e) throw Damage("a shard suffix that is no text");
        suffix.push_back(static_cast<char>(*byte));
    }
    return suffix;
}

FolderDatabase database_of(const fs::path& folder, const std::string& name,
                           const JsonValue& entry) {
    FolderDatabase database;
    database.name = name;
    const auto* ranges = entry.find("by_range");
    if (!ranges || !ranges->is_object()) throw Damage("an entry of _dbs without ranges");
    const auto suffix = suffix_of(entry);
    for (const auto& [range, nodes] : ranges->members()) {
        const auto path =
            folder / shard_folder / range / (name + suffix + std::string(extension));
        (fs::exists(path) ? database.files : database.missing).push_back(path);
    }
    std::sort(database.files.begin(), database.files.end());
    const auto* properties = entry.find("props");
    const auto* partitioned = properties ? properties->find("partitioned") : nullptr;
    database.partitioned = partitioned && partitioned->is_bool() && partitioned->boolean();
    return database;
}

void read_shard_map(const fs::path& folder, Databases& databases, const Told& told) {
    const DatabaseFile file(folder / shard_map);
    const auto damaged = [&](const std::string& what) { told("_dbs.couch: " + what); };
    file.documents(
        [&](const FileDocument& document) {
            if (document.deleted || document.id.starts_with('_')) {
                const bool system = document.id == "_users" || document.id == "_replicator" ||
                                    document.id == "_global_changes";
                if (document.deleted || !system) return;
            }
            for (const auto& leaf : document.leaves) {
                if (leaf.deleted) continue;
                const auto entry = parse_json(file.body(leaf.body).json).value();
                databases[document.id] = database_of(folder, document.id, entry);
            }
        },
        damaged);
}

// Shards that no map names: the newest suffix of each name is the database that was last made.
void join_shards(const std::map<std::string, std::map<std::string, std::vector<fs::path>>>& found,
                 const std::set<fs::path>& known, Databases& databases, const Told& told) {
    for (const auto& [name, by_suffix] : found) {
        const auto newest = std::max_element(
            by_suffix.begin(), by_suffix.end(), [](const auto& one, const auto& other) {
                const auto key = [](const auto& entry) {
                    return std::pair(entry.first.size(), entry.first);
                };
                return key(one) < key(other);
            });
        const bool mapped = databases.contains(name);
        for (const auto& [suffix, files] : by_suffix) {
            for (const auto& file : files) {
                if (known.contains(file)) continue;
                if (mapped || suffix != newest->first) {
                    told(file.string() + ": left over from an earlier database, not read");
                }
            }
        }
        if (mapped) continue;
        told(name + ": joined from its shards, _dbs.couch does not list it");
        auto& database = databases[name];
        database.name = name;
        database.files = newest->second;
        std::sort(database.files.begin(), database.files.end());
        for (const auto& file : database.files) {
            database.partitioned = database.partitioned || DatabaseFile(file).partitioned();
        }
    }
}

}  // namespace

std::vector<FolderDatabase> databases_in(const fs::path& source, const Told& told) {
    if (fs::is_regular_file(source)) {
        auto name = source.stem().string();
        if (const auto shard = shard_of(fs::path(shard_folder) / "file" / source.filename())) {
            name = shard->name;
        }
        return {{name, {source}, {}, DatabaseFile(source).partitioned()}};
    }
    if (!fs::is_directory(source)) throw Damage(source.string() + ": no such file or folder");

    Databases databases;
    if (fs::exists(source / shard_map)) {
        try {
            read_shard_map(source, databases, told);
        } catch (const Damage& damage) {
            told("_dbs.couch: " + std::string(damage.what()));
        }
    }
    std::set<fs::path> known;
    for (const auto& [name, database] : databases) {
        known.insert(database.files.begin(), database.files.end());
    }
    std::map<std::string, std::map<std::string, std::vector<fs::path>>> shards;
    for (fs::recursive_directory_iterator entry(source), end; entry != end; ++entry) {
        const auto name = entry->path().filename().string();
        if (entry->is_directory() && (name.starts_with('.') || name.ends_with("_design"))) {
            entry.disable_recursion_pending();  // indexes of views, and files being deleted
            continue;
        }
        if (!entry->is_regular_file() || !is_database_file(entry->path())) continue;
        const auto relative = entry->path().lexically_relative(source);
        if (const auto shard = shard_of(relative)) {
            shards[shard->name][shard->suffix].push_back(entry->path());
        } else {
            auto single = relative.generic_string();
            single.resize(single.size() - extension.size());
            auto& database = databases[single];
            database.name = single;
            database.files = {entry->path()};
        }
    }
    join_shards(shards, known, databases, told);

    std::vector<FolderDatabase> list;
    for (auto& [name, database] : databases) list.push_back(std::move(database));
    if (list.empty()) throw Damage(source.string() + ": no CouchDB databases in it");
    return list;
}

}  // namespace divan::import
