#include "tools/import/couch_file/data_folder.h"

#include <algorithm>
#include <charconv>
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

constexpr std::string_view compacted = ".compact";
constexpr std::string_view deleted = ".deleted.couch";

bool is_database_file(const fs::path& path) {
    return path.extension() == extension && path.filename() != shard_map &&
           path.filename() != "_nodes.couch";
}

// Where the file is, or what a crash at the end of its compaction left of it: then the old file is
// gone already, and the new one has not got its name yet (couch_bt_engine:open_db_file/2).
std::optional<fs::path> there(const fs::path& file) {
    if (fs::exists(file)) return file;
    auto beside = fs::path(file) += compacted;
    if (fs::exists(beside)) return beside;
    return std::nullopt;
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

// ".../shards/BEGIN-END/...", eight hexadecimal digits each.
std::optional<FolderDatabase::Range> range_of(const fs::path& file) {
    constexpr std::size_t digits = 8;
    auto part = std::find(file.begin(), file.end(), shard_folder);
    if (part == file.end() || ++part == file.end()) return {};
    const auto text = part->string();
    FolderDatabase::Range range{};
    const auto read = [&](std::size_t at, std::uint32_t& value) {
        const auto* const from = text.data() + at;
        return std::from_chars(from, from + digits, value, 16).ptr == from + digits;
    };
    const bool formed = text.size() == 2 * digits + 1 && text[digits] == '-' &&
                        read(0, range.begin) && read(digits + 1, range.end);
    return formed ? std::optional(range) : std::nullopt;
}

void note_ranges(FolderDatabase& database) {
    for (const auto& file : database.files) {
        if (const auto range = range_of(file)) database.ranges.push_back(*range);
    }
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
        const auto found = there(path);
        (found ? database.files : database.missing).push_back(found.value_or(path));
    }
    std::sort(database.files.begin(), database.files.end());
    const auto* properties = entry.find("props");
    const auto* partitioned = properties ? properties->find("partitioned") : nullptr;
    database.partitioned = partitioned && partitioned->is_bool() && partitioned->boolean();
    return database;
}

void read_shard_map(const fs::path& folder, Databases& databases, const Told& told) {
    const DatabaseFile file(*there(folder / shard_map));
    BlockFile::Window window;
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
                const auto entry = parse_json(file.body(leaf.body, window).json).value();
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

// A link to a folder that it is in.
bool leads_back(const fs::directory_entry& folder) {
    if (!folder.is_symlink()) return false;
    const auto goal = fs::canonical(folder.path());
    const auto place = fs::canonical(folder.path().parent_path());
    return std::mismatch(goal.begin(), goal.end(), place.begin(), place.end()).first == goal.end();
}

// Every file of a database, and its path in the folder, as if it had the name it should have.
void each_file(const fs::path& source, const Told& told,
               const std::function<void(const fs::path& file, const fs::path& relative)>& visit) {
    constexpr auto links = fs::directory_options::follow_directory_symlink;
    for (fs::recursive_directory_iterator entry(source, links), end; entry != end; ++entry) {
        const auto name = entry->path().filename().string();
        if (entry->is_directory()) {
            // Indexes of views, and files being deleted.
            const bool hidden = name.starts_with('.');
            if (hidden || leads_back(*entry)) entry.disable_recursion_pending();
            continue;
        }
        if (!entry->is_regular_file()) continue;
        auto path = entry->path();
        if (path.extension() == compacted) path.replace_extension();
        if (!is_database_file(path) || there(path) != entry->path()) continue;
        if (path != entry->path()) {
            told(entry->path().string() + ": a crash left it so, it is the database's newest file");
        }
        if (name.ends_with(deleted)) {
            told(entry->path().string() + ": of a deleted database, not read");
            continue;
        }
        const auto relative = path.lexically_relative(source);
        const auto folder = std::find(relative.begin(), relative.end(), shard_folder);
        if (folder != relative.end() && folder != relative.begin()) {
            fs::path inner = source;
            for (auto part = relative.begin(); part != folder; ++part) inner /= *part;
            throw Damage(source.string() + ": a data folder is in it, give that: " +
                         inner.string());
        }
        visit(entry->path(), relative);
    }
}

}  // namespace

std::vector<FolderDatabase> databases_in(const fs::path& source, const Told& told) {
    if (fs::is_regular_file(source)) {
        auto name = source.stem().string();
        if (const auto shard = shard_of(fs::path(shard_folder) / "file" / source.filename())) {
            name = shard->name;
        }
        FolderDatabase database{name, {source}, {}, {}, DatabaseFile(source).partitioned()};
        note_ranges(database);
        return {database};
    }
    if (!fs::is_directory(source)) throw Damage(source.string() + ": no such file or folder");

    Databases databases;
    if (there(source / shard_map)) {
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
    std::map<std::string, fs::path> singles;
    each_file(source, told, [&](const fs::path& file, const fs::path& relative) {
        if (const auto shard = shard_of(relative)) {
            shards[shard->name][shard->suffix].push_back(file);
            return;
        }
        auto single = relative.generic_string();
        single.resize(single.size() - extension.size());
        singles.emplace(std::move(single), file);
    });
    join_shards(shards, known, databases, told);
    for (auto& [name, file] : singles) {
        // Nodes of CouchDB 2 have a _replicator and _users of their own, and what was made before
        // an upgrade may still stand there.
        if (databases.contains(name)) {
            told(file.string() + ": not read, the cluster has a database of this name");
        } else {
            databases[name] = {name, {std::move(file)}, {}, {}, false};
        }
    }

    std::vector<FolderDatabase> list;
    for (auto& [name, database] : databases) {
        note_ranges(database);
        list.push_back(std::move(database));
    }
    if (list.empty()) throw Damage(source.string() + ": no CouchDB databases in it");
    return list;
}

}  // namespace divan::import
