#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/import/model.h"

namespace divan::import {

/// One database to be read. Used by one thread at a time.
class SourceDatabase {
public:
    virtual ~SourceDatabase() = default;
    virtual const DatabaseInfo& info() const = 0;
    /// What an admin should know of it.
    virtual std::vector<std::string> remarks() const { return {}; }
    /// How many parts it has that can be read, and resumed, one after the other (shards).
    virtual std::size_t parts() const = 0;
    /// Whether each document comes once, with all its leaves; else every leaf may come by itself.
    virtual bool whole_documents() const { return true; }
    /// What clients' checkpoints refer to. Documents then come about in the order of changes.
    virtual FormerFiles former() const { return {}; }
    /// The documents of a part, deleted ones too, always in the same order; those after the one
    /// that had the marker `after` (empty: all). What cannot be read is told and left out. `visit`
    /// may throw to end the walk.
    virtual void documents(std::size_t part, const std::string& after,
                           const std::function<void(Document)>& visit,
                           const TellFailure& failed) = 0;
    virtual void locals(const std::function<void(LocalDocument)>& visit,
                        const TellFailure& failed) = 0;
    /// Whether the last `locals` gave all that there are: what it did not is not there.
    virtual bool locals_whole() const { return false; }
    /// Before `documents`: then `locals` gives those of now, so that no checkpoint says more than
    /// what is read after it. A source that stands still needs none.
    virtual void hold_locals(const TellFailure&) {}
    /// The purges that it remembers, oldest first within a shard.
    virtual void purges(const std::function<void(Purge)>&, const TellFailure&) {}
    /// Of when it was opened; another one after each purge. None: it does not say.
    virtual std::optional<std::string> purge_sequence() const { return std::nullopt; }
    /// Those of these that it has now; their markers and sequences mean nothing.
    virtual void documents_of(const std::set<std::string>& ids,
                              const std::function<void(Document)>& visit,
                              const TellFailure& failed);
};

/// Where old data comes from.
class Source {
public:
    virtual ~Source() = default;
    /// Sorted by name. `told` hears of what an admin should know (files left over, missing shards).
    virtual std::vector<std::string> names() = 0;
    virtual std::unique_ptr<SourceDatabase> open(const std::string& name) = 0;
    /// What was found on opening it that an admin should know.
    virtual const std::vector<std::string>& remarks() const = 0;
};

/// Opens a CouchDB data folder or a `.couch` file. Throws `Damage` where it is neither.
std::unique_ptr<Source> open_couch_folder(const std::string& path);
/// Opens a backup, or a folder of them, each file a database that is named like it: files of
/// couchbackup, answers of `_all_docs?include_docs=true`, arrays of documents, documents line by
/// line, `{"docs":[…]}`; gzipped or zstd-packed too. Throws `std::system_error`.
std::unique_ptr<Source> open_backups(const std::string& path);
/// Either, by what is there.
std::unique_ptr<Source> open_source(const std::string& path);

}  // namespace divan::import
