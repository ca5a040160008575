#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/import/journal.h"
#include "tools/import/progress.h"
#include "tools/import/settings.h"
#include "tools/import/source.h"
#include "tools/import/target.h"

namespace divan::import {

/// What to do where the target has a document already, with other revisions.
enum class OnConflict : std::uint8_t {
    keep_both,  ///< Both histories stand beside each other, as after a replication.
    skip,       ///< The target's stays alone.
    fail,       ///< The same, and it is counted as a failure.
};

/// What to do with databases that are finished.
enum class Follow : std::uint8_t {
    no,       ///< Nothing.
    changes,  ///< Carry what changed since.
    all,      ///< And local documents: at the end.
};

struct RunOptions {
    std::vector<std::string> databases;  ///< Names, or patterns with `*`; empty: all.
    std::map<std::string, std::string> rename;
    OnConflict on_conflict = OnConflict::keep_both;
    double failures_max = 0.5;  ///< Share of a run's documents; more ends it.
    std::size_t jobs = 2;       ///< Databases at a time.
    bool dry_run = false;       ///< Reads all, writes nothing.
    Follow follow = Follow::no;
    /// What was read so long ago is written, however little it is: of a slow source a kill costs no
    /// more than that. Looked at when a document arrives.
    std::chrono::milliseconds waits_max{5000};
};

struct DatabaseReport {
    std::string name;
    std::string target;
    bool made = false;
    std::uint64_t documents = 0, leaves = 0, created = 0, attachments = 0, bytes = 0, locals = 0;
    std::uint64_t skipped = 0, purges = 0;
    std::uint64_t checkpoints_removed = 0;  ///< That the source no longer has.
    std::set<std::string> locals_left;  ///< Others that it no longer has: some of them, by name.
    std::uint64_t locals_left_count = 0;
    static constexpr std::size_t failures_kept = 100;
    std::vector<Failure> failures;  ///< The first ones; the journal has them all.
    std::uint64_t failure_count = 0;
    std::string error;              ///< Why it ended early; empty where it did not.
};

struct RunReport {
    std::vector<DatabaseReport> databases;
    bool too_many_failures = false;
    SettingsReport settings;
    /// At the target: of those that imports brought, what the source no longer has.
    std::vector<std::string> left_databases;
    bool finished() const;
    std::uint64_t failures() const;
    /// Leaves that were new to the target.
    std::uint64_t created() const;
    /// Adds what a later round did.
    void add(RunReport round);
};

/// The names of `source` that the options choose. Throws `std::invalid_argument` where a name that
/// was given is not there.
std::vector<std::string> chosen(const std::vector<std::string>& names, const RunOptions& options);
/// Whether they choose this one, were it there.
bool is_chosen(const std::string& name, const RunOptions& options);
/// Which databases the options choose, and under which names, as JSON: the same for the same.
std::string choice_of(const RunOptions& options);
/// What a database is called at the target.
std::string target_name(const std::string& name, const RunOptions& options);

/// What rounds know of those before, so that one at which nothing happened asks little and puts
/// nothing. Starts empty; of one journal. Used by one run at a time.
struct Rounds {
    struct Seen {
        std::optional<std::string> purges;  ///< The source's purge sequence when they were carried.
        std::string settings;               ///< The source's when they were put.
    };
    std::map<std::string, Seen> databases;   ///< By their names at the target.
    std::optional<Journal::Earlier> earlier;  ///< Read once, and kept up to date.
};

/// Carries everything over; goes on where `journal` says. What a document fails with is told in
/// the report, what a database fails with ends that database. Ends where failures exceed their
/// share. `target` may be null for a dry run. `counters` go up meanwhile. Used by one
/// thread; works on `options.jobs`.
RunReport run_import(Source& source, Target* target, Journal& journal, const RunOptions& options,
                     Counters& counters);
/// One of several rounds.
RunReport run_import(Source& source, Target* target, Journal& journal, const RunOptions& options,
                     Counters& counters, Rounds& rounds);

/// Undoes what the run of `journal` made: leaves, local documents, and databases that hold nothing
/// else; and puts back the checkpoints that it removed. Returns how many leaves were taken away.
std::uint64_t roll_back(Target& target, Journal& journal);

}  // namespace divan::import
