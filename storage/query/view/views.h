#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "storage/database/database.h"
#include "storage/query/index/indexes.h"
#include "storage/query/view/view_group.h"

namespace divan::storage {

/// A design document's views and their index.
struct OpenViews {
    std::shared_ptr<const ViewGroup> group;
    std::shared_ptr<Index> index;
    /// What the document said before it was changed, as long as the new index may not be built yet.
    std::shared_ptr<const ViewGroup> previous;
};

/// The views of all databases. What a design document says is remembered for a while, by its
/// revision. Any thread; calls block on the disk, briefly.
class Views {
public:
    /// `indexes` and what the environment refers to must outlive it.
    Views(Indexes& indexes, ViewEnvironment environment)
        : indexes_(indexes), environment_(std::move(environment)) {}

    /// Of the newest revision. Throws `Refused` with `not_found` "missing" or "deleted", and with
    /// what `make_view_group` refuses.
    OpenViews open(const std::shared_ptr<Database>& database, std::string_view design);

    /// The index of a group: of the one before.
    std::shared_ptr<Index> index(const std::shared_ptr<Database>& database,
                                 const ViewGroup& group) {
        return indexes_.open(database, group.definition);
    }

    /// Takes away the indexes that no design document of the database uses any more.
    void clean_up(const std::shared_ptr<Database>& database);

    Indexes& indexes() { return indexes_; }

private:
    struct Known {
        std::string revision;
        std::shared_ptr<const ViewGroup> group;
        std::shared_ptr<const ViewGroup> previous;
    };
    using Key = std::pair<DatabaseId, std::string>;

    Known known(Database& database, std::string_view design);
    Known remember(Key key, Known known);

    Indexes& indexes_;
    const ViewEnvironment environment_;
    std::mutex mutex_;
    std::map<Key, std::pair<Known, std::list<Key>::iterator>> known_;
    std::list<Key> recent_;  ///< Most recently used first.
};

}  // namespace divan::storage
