#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/bytes.h"
#include "storage/base/ids.h"

namespace divan::storage {

class Database;

/// One file of the server that a database was imported from: it counted changes by itself.
struct FormerShard {
    std::uint32_t begin = 0, end = 0;  ///< Its range of document hashes.
    std::string uuid;                  ///< Of the file, hexadecimal.
    struct Epoch {
        std::string node;
        std::uint64_t since = 0;
        bool operator==(const Epoch&) const = default;
    };
    std::vector<Epoch> epochs;      ///< Which node counted from where on, newest first.
    std::uint64_t sequence = 0;     ///< Its newest change when it was last read.
};

/// How the update sequences of another server become ours, so that its clients go on from their
/// checkpoints in a database that was imported.
///
/// Every change of shard i with number n there gets a number here that is `here(i, n)` or later;
/// `here` grows with n, and is another one for every change. So of all changes up to
/// `here(i, n + 1) - 1` whoever has read shard i up to n lacks none of it.
class FormerSequences {
public:
    /// `plain`: one file, whose sequences were plain numbers (CouchDB 1, PouchDB Server). Numbers
    /// here begin after `base`. Null where the source's numbers are absurd.
    static std::optional<FormerSequences> make(std::vector<FormerShard> shards, bool plain,
                                               Sequence base);
    Bytes encode() const;
    /// Throws `CorruptBytes`.
    static FormerSequences decode(BytesView bytes);

    /// 0 where the number is absurd, or beyond what its file was said to have.
    Sequence here(std::size_t shard, std::uint64_t sequence) const;
    /// Everything up to the answer is known to whoever has read up to `text` there: a sequence of
    /// that server, or any text. Maybe less than could be, never more.
    Sequence covered_by(std::string_view text) const;

    /// Takes note of how far the same files are now. False where they are others, or went back.
    bool follow(const std::vector<FormerShard>& shards, bool plain);
    bool plain() const { return plain_; }

private:
    struct Shard {
        FormerShard file;
        std::uint64_t length = 1;  ///< Of its numbers when it was first read.
    };

    Sequence stretched(std::size_t shard, std::uint64_t sequence) const;

    bool plain_ = false;
    std::uint64_t base_ = 0;
    std::vector<Shard> shards_;
    std::uint64_t longest_ = 1;
};

/// For an import into `database`, before its first edit: null where its edits must not carry
/// `Edit::at_least`, because the database has had other documents, or other files were imported
/// into it; then those that were taken over before are given up, too. Without `shards` (of a source
/// that tells nothing of its sequences) nothing changes. What a power failure leaves of it is true
/// of the changes that it leaves.
std::optional<FormerSequences> take_over_sequences(Database& database,
                                                   const std::vector<FormerShard>& shards,
                                                   bool plain);

/// What `text`, a sequence that is not of this database, stands for in it: 0 unless it is of the
/// server that the database was imported from.
Sequence former_sequence(const Database& database, std::string_view text);

}  // namespace divan::storage
