#include "storage/database/former_sequences.h"

#include <algorithm>
#include <charconv>

#include "storage/database/database.h"
#include "storage/document/couch_sequence.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

// So that no number here is beyond 2^53, what JavaScript can count to.
constexpr std::uint64_t former_max = 1ULL << 44;
constexpr std::size_t shards_max = 256;
constexpr std::uint64_t here_max = 1ULL << 53;
// A shard that had hardly begun may not leap ahead of the others when it grows.
constexpr std::uint64_t stretch_max = 64;
constexpr std::uint8_t layout = 1;

__extension__ using Wide = unsigned __int128;

// couch_db:calculate_start_seq/3: what of `number`, counted by `node`, is in this file.
std::uint64_t known_of(const std::vector<FormerShard::Epoch>& epochs, const std::string& node,
                       std::uint64_t number) {
    for (std::size_t at = 0; at < epochs.size(); ++at) {
        if (number < epochs[at].since) continue;
        if (epochs[at].node == node) return number;
        // The file was taken away from that node before it counted so far.
        const bool older = at + 1 < epochs.size() && epochs[at + 1].node == node;
        if (older && epochs[at].since > 0) return epochs[at].since - 1;
    }
    return 0;
}

std::uint64_t known_of(const FormerShard& shard, const std::vector<CouchShardSequence>& all) {
    std::optional<std::uint64_t> known;
    for (const auto& one : all) {
        const bool same = one.begin == shard.begin && one.end == shard.end && !one.uuid.empty() &&
                          shard.uuid.starts_with(one.uuid);
        if (!same) continue;
        const auto number = known_of(shard.epochs, one.node, one.number);
        known = std::min(known.value_or(number), number);
    }
    return known.value_or(0);
}

std::optional<FormerSequences> load(const Database& database) {
    Bytes bytes;
    const auto key = keys::former_sequences(database.id());
    if (!database.engine().get(Family::catalog, key, bytes)) return std::nullopt;
    return FormerSequences::decode(bytes);
}

}  // namespace

std::optional<FormerSequences> FormerSequences::make(std::vector<FormerShard> shards, bool plain,
                                                     Sequence base) {
    FormerSequences made;
    made.plain_ = plain;
    made.base_ = base.value;
    const bool count_fits = plain ? shards.size() == 1
                                  : !shards.empty() && shards.size() <= shards_max;
    if (!count_fits || base.value > former_max) return std::nullopt;
    for (auto& shard : shards) {
        if (shard.sequence > former_max || (!plain && shard.uuid.empty())) return std::nullopt;
        made.longest_ = std::max(made.longest_, shard.sequence);
        made.shards_.push_back({std::move(shard), 1});
    }
    for (auto& shard : made.shards_) {
        const auto least = std::max<std::uint64_t>(made.longest_ / stretch_max, 1);
        shard.length = std::max(shard.file.sequence, least);
    }
    return made;
}

Bytes FormerSequences::encode() const {
    Bytes bytes;
    ByteWriter out(bytes);
    out.u8(layout);
    out.u8(plain_ ? 1 : 0);
    out.varint(base_);
    out.varint(shards_.size());
    for (const auto& [file, length] : shards_) {
        out.u32(file.begin);
        out.u32(file.end);
        out.sized(file.uuid);
        out.varint(length);
        out.varint(file.sequence);
        out.varint(file.epochs.size());
        for (const auto& epoch : file.epochs) {
            out.sized(epoch.node);
            out.varint(epoch.since);
        }
    }
    return bytes;
}

FormerSequences FormerSequences::decode(BytesView bytes) {
    ByteReader in(bytes);
    if (in.u8() != layout) throw CorruptBytes();
    FormerSequences read;
    read.plain_ = in.u8() != 0;
    read.base_ = in.varint();
    for (auto shards = in.varint(); shards > 0; --shards) {
        auto& [file, length] = read.shards_.emplace_back();
        file.begin = in.u32();
        file.end = in.u32();
        file.uuid = in.sized();
        length = std::max<std::uint64_t>(in.varint(), 1);
        file.sequence = in.varint();
        for (auto epochs = in.varint(); epochs > 0; --epochs) {
            auto& epoch = file.epochs.emplace_back();
            epoch.node = in.sized();
            epoch.since = in.varint();
        }
        read.longest_ = std::max(read.longest_, length);
    }
    return read;
}

// Shards that counted less are stretched, so that what was written at about the same time gets
// numbers that are near each other.
Sequence FormerSequences::here(std::size_t shard, std::uint64_t sequence) const {
    // What a file has beyond its own count is damaged.
    if (sequence == 0 || (!plain_ && sequence > shards_.at(shard).file.sequence)) return {};
    return stretched(shard, sequence);
}

Sequence FormerSequences::stretched(std::size_t shard, std::uint64_t sequence) const {
    if (sequence > former_max) return {};
    const Wide stretched = Wide{sequence} * longest_ / shards_.at(shard).length;
    const Wide number = (base_ + stretched) * shards_.size() + shard;
    return number > here_max ? Sequence{} : Sequence{static_cast<std::uint64_t>(number)};
}

Sequence FormerSequences::covered_by(std::string_view text) const {
    std::vector<std::uint64_t> known(shards_.size());
    if (plain_) {
        const auto* const end = text.data() + text.size();
        const auto [at, failure] = std::from_chars(text.data(), end, known[0]);
        if (failure != std::errc() || at != end) return {};
    } else {
        const auto parsed = parse_couch_sequence(text);
        if (!parsed) return {};
        for (std::size_t at = 0; at < shards_.size(); ++at) {
            known[at] = known_of(shards_[at].file, *parsed);
        }
    }
    Sequence covered{here_max};
    bool all = !plain_;
    for (std::size_t at = 0; at < shards_.size(); ++at) {
        all = all && known[at] >= shards_[at].file.sequence;
        const auto next = stretched(at, std::min(known[at], former_max - 1) + 1);
        if (next == Sequence{}) return {};
        covered = std::min(covered, Sequence{next.value - 1});
    }
    // The files grew, each at its own pace, since it was said how far they are stretched.
    return all ? Sequence{here_max} : covered;
}

bool FormerSequences::follow(const std::vector<FormerShard>& shards, bool plain) {
    if (plain != plain_ || shards.size() != shards_.size()) return false;
    for (std::size_t at = 0; at < shards.size(); ++at) {
        const auto& [file, length] = shards_[at];
        const bool same = file.begin == shards[at].begin && file.end == shards[at].end &&
                          file.uuid == shards[at].uuid;
        if (!same || shards[at].sequence < file.sequence) return false;
    }
    for (std::size_t at = 0; at < shards.size(); ++at) shards_[at].file = shards[at];
    return true;
}

std::optional<FormerSequences> take_over_sequences(Database& database,
                                                   const std::vector<FormerShard>& shards,
                                                   bool plain) {
    if (shards.empty()) return std::nullopt;
    const auto state = database.state();
    const auto key = keys::former_sequences(database.id());
    Batch batch;
    auto former = load(database);
    if (former && !former->follow(shards, plain)) {
        // A number that any server could have given must not be taken for one of the first.
        batch.erase(Family::catalog, key);
        database.commit_aside(batch);
        return std::nullopt;
    }
    // Then what is there needs no more care: it stays below `DatabaseState::imported`.
    if (state.imported != state.update_sequence) return std::nullopt;
    const bool first = !former;
    if (first) {
        if (state.document_count + state.deleted_count > 0) return std::nullopt;
        former = FormerSequences::make(shards, plain, state.update_sequence);
        if (!former) return std::nullopt;
    }
    batch.put(Family::catalog, key, former->encode());
    // The first one need not wait for the disk: without it sequences are worth nothing, which is no
    // harm. Later ones must: changes that follow are beyond what the one before covers.
    database.commit_aside(batch, first ? Durability::buffered : Durability::synced);
    return former;
}

Sequence former_sequence(const Database& database, std::string_view text) {
    const auto former = load(database);
    if (!former) return {};
    return std::min(former->covered_by(text), database.state().imported);
}

}  // namespace divan::storage
