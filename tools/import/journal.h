#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/import/target.h"

namespace divan::import {

/// Where a run was when it last wrote something down.
struct Position {
    std::size_t part = 0;
    std::string after;  ///< The last document of the part that is written; empty: none.
    bool finished = false;
};

/// One run on the disk: what it was told to do, how far it is, what it made, what failed. A folder
/// of line files that only grow, so that a kill at any moment costs no more than a last line, which
/// is left out when it is half there. Any thread.
class Journal {
public:
    struct Head {
        std::string id;
        std::string source;
        std::string target;
        std::int64_t started = 0;  ///< Unix seconds.
        std::string state;         ///< running, finished, failed, rolled back
        std::string choice;        ///< Which databases, under which names; JSON.
    };

    /// A new run in `folder`/ID. Throws `std::runtime_error` where nothing can be written there.
    static Journal begin(const std::filesystem::path& folder, const std::string& source,
                         const std::string& target, const std::string& choice = "{}");
    /// Reads a run back to go on with it, or to undo it.
    static Journal reopen(const std::filesystem::path& folder, const std::string& id);
    /// Every run in `folder`, oldest first.
    static std::vector<Head> list(const std::filesystem::path& folder);
    /// The newest run between these two that did not finish.
    static std::optional<std::string> unfinished(const std::filesystem::path& folder,
                                                 const std::string& source,
                                                 const std::string& target);

    /// A database that a run made of one of the source's.
    struct Brought {
        std::string name;      ///< At the source.
        std::string database;  ///< At the target.
        std::string target;
        std::string run;  ///< The newest that did.
    };
    /// By runs from this source that were not rolled back, to any target.
    static std::vector<Brought> brought(const std::filesystem::path& folder,
                                        const std::string& source);

    /// What runs up to this one, between the same two, made of the target: those that were not
    /// rolled back.
    struct Earlier {
        std::set<std::string> databases;
        std::map<std::string, std::string> settings;  ///< As the last of them noted.
    };
    Earlier earlier() const;

    const Head& head() const { return head_; }
    const std::filesystem::path& folder() const { return folder_; }

    Position position(const std::string& database) const;
    void note_position(const std::string& database, const Position& position);

    /// Before it is made: a rollback may then find less than is noted, never more.
    void note_new_database(const std::string& database);
    /// Whether the run made this database, or was about to.
    bool is_new(const std::string& database) const;
    /// What `_security` and limits are now that the run has put them.
    void note_settings(const std::string& database, const std::string& settings);
    void note_created(const std::string& database, const std::vector<MissingLeaves>& created);
    void note_local(const std::string& database, const std::string& id);
    /// A local document as it is at the target now that the run brought it, the first time or anew.
    struct BroughtLocal {
        std::string id;
        std::uint64_t edits = 0;
        std::string digest;
    };
    void note_brought_locals(const std::string& database, const std::vector<BroughtLocal>& locals);
    /// Those of all runs between the same two that were not rolled back, oldest first.
    static void each_brought_local(const std::filesystem::path& folder, const std::string& source,
                                   const std::string& target, const std::string& database,
                                   const std::function<void(BroughtLocal)>& visit);
    /// Before it is removed at the target: a rollback puts it back.
    void note_removed(const std::string& database, const LocalDocument& local);
    void each_removed(const std::function<void(std::string database, LocalDocument)>& visit) const;
    void note_failure(const std::string& database, const Failure& failure);
    void set_state(const std::string& state);
    void write_report(const std::string& json, const std::string& text) const;

    /// What the run made in a database: leaves of a document, or a local document.
    struct Made {
        std::string database;
        MissingLeaves document;
        std::string local;  ///< Empty where it is the other.
    };
    /// One after the other, from the disk: there may be any number of them.
    void each_made(const std::function<void(Made)>& visit) const;
    /// The databases that the run made, or was about to make.
    const std::set<std::string>& new_databases() const { return new_databases_; }

private:
    Journal(std::filesystem::path folder, Head head);
    void append(const char* file, const std::string& line);

    std::filesystem::path folder_;
    Head head_;
    std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
    std::map<std::string, std::ofstream> files_;
    std::map<std::string, Position> positions_;
    std::set<std::string> new_databases_;
};

}  // namespace divan::import
