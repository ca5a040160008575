#include "storage/database/database.h"

#include <algorithm>
#include <charconv>

#include "storage/base/digest.h"
#include "storage/database/former_sequences.h"
#include "storage/database/range_counts.h"
#include "storage/database/read_view.h"
#include "storage/engine/keys.h"

namespace divan::storage {
namespace {

constexpr std::uint64_t garbage_bytes_min = 16U << 20;  ///< Below it compaction is not worth it.
constexpr std::string_view malformed_since =
    "Malformed sequence supplied in 'since' parameter.";

constexpr std::size_t token_chars = 16;

bool is_base64url(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '-' || c == '_';
    });
}

/// Whether this server may have given it, for whatever database.
bool names_incarnation(std::string_view token) {
    return token.size() == token_chars && is_base64url(token);
}

/// The same of CouchDB: an Erlang term begins with byte 131.
bool names_shards(std::string_view token) {
    return token.starts_with('g') && is_base64url(token);
}

DatabaseState load_state(const Reader& reader, DatabaseId id) {
    Bytes bytes;
    if (!reader.get(Family::catalog, keys::state(id), bytes)) return {};
    return DatabaseState::decode(bytes);
}

}  // namespace

Bytes DatabaseState::encode() const {
    Bytes bytes;
    ByteWriter out(bytes);
    for (const auto number : {commits, update_sequence.value, purge_sequence, document_count,
                              deleted_count, leaf_bytes, attachment_bytes, garbage_bytes,
                              imported.value}) {
        out.varint(number);
    }
    return bytes;
}

DatabaseState DatabaseState::decode(BytesView bytes) {
    ByteReader in(bytes);
    DatabaseState state;
    for (auto* number : {&state.commits, &state.update_sequence.value, &state.purge_sequence,
                         &state.document_count, &state.deleted_count, &state.leaf_bytes,
                         &state.attachment_bytes, &state.garbage_bytes}) {
        *number = in.varint();
    }
    if (!in.empty()) state.imported.value = in.varint();  // not of a folder of an older program
    return state;
}

Bytes DatabaseSettings::encode() const {
    Bytes bytes;
    ByteWriter out(bytes);
    out.varint(revs_limit);
    out.varint(purged_infos_limit);
    out.raw(security);
    return bytes;
}

DatabaseSettings DatabaseSettings::decode(BytesView bytes) {
    ByteReader in(bytes);
    DatabaseSettings settings;
    settings.revs_limit = in.varint();
    settings.purged_infos_limit = in.varint();
    settings.security = in.rest();
    return settings;
}

Bytes DatabaseEntry::encode() const {
    Bytes bytes;
    ByteWriter out(bytes);
    out.u64(id.value);
    out.sized(uuid);
    out.u8(partitioned ? 1 : 0);
    out.varint(static_cast<std::uint64_t>(created_seconds));
    out.varint(shards);
    return bytes;
}

DatabaseEntry DatabaseEntry::decode(BytesView bytes) {
    ByteReader in(bytes);
    DatabaseEntry entry;
    entry.id = DatabaseId{in.u64()};
    entry.uuid = in.sized();
    entry.partitioned = in.u8() != 0;
    entry.created_seconds = static_cast<std::int64_t>(in.varint());
    entry.shards = static_cast<std::uint32_t>(in.varint());
    return entry;
}

Database::Database(Engine& engine, std::string name, DatabaseEntry entry)
    : engine_(engine),
      name_(std::move(name)),
      entry_(std::move(entry)),
      token_(base64url_encode(hex_decode(entry_.uuid).value_or(entry_.uuid))
                 .substr(0, token_chars)),
      state_(load_state(engine, entry_.id)),
      writer_(*this) {
    DatabaseSettings settings;
    Bytes bytes;
    if (engine_.get(Family::catalog, keys::settings(entry_.id), bytes)) {
        settings = DatabaseSettings::decode(bytes);
    }
    settings_ = std::make_shared<const DatabaseSettings>(std::move(settings));
}

Database::~Database() = default;

DatabaseState Database::state() const {
    const std::lock_guard lock(publish_mutex_);
    return state_;
}

std::shared_ptr<const DatabaseSettings> Database::settings() const {
    const std::lock_guard lock(settings_mutex_);
    return settings_;
}

void Database::change_settings(const std::function<void(DatabaseSettings&)>& change) {
    const std::lock_guard commit_lock(commit_mutex_);
    if (doomed()) throw Refused(Code::not_found, "Database does not exist.");
    DatabaseSettings changed = *settings();
    change(changed);
    // A new setting takes a sequence though no feed shows it, as in couch_bt_engine:set_security/2.
    const auto before = state();
    auto next = before;
    ++next.update_sequence.value;
    next.extend_import(before);
    ++next.commits;
    Batch batch;
    batch.put(Family::catalog, keys::settings(id()), changed.encode());
    batch.put(Family::catalog, keys::state(id()), next.encode());
    engine_.commit(batch, Durability::synced);
    {
        const std::lock_guard lock(publish_mutex_);
        state_ = next;
    }
    const std::lock_guard lock(settings_mutex_);
    settings_ = std::make_shared<const DatabaseSettings>(std::move(changed));
}

void Database::set_security(std::string json) {
    change_settings([&](DatabaseSettings& settings) { settings.security = std::move(json); });
}

void Database::set_revs_limit(std::uint64_t limit) {
    change_settings([&](DatabaseSettings& settings) { settings.revs_limit = limit; });
}

void Database::set_purged_infos_limit(std::uint64_t limit) {
    change_settings([&](DatabaseSettings& settings) { settings.purged_infos_limit = limit; });
}

std::string Database::sequence_text(Sequence sequence) const {
    std::string text = std::to_string(sequence.value);
    text.push_back('-');
    text.append(token_);
    return text;
}

Result<Sequence> Database::parse_sequence(std::string_view text) const {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        text = text.substr(1, text.size() - 2);
    }
    Sequence sequence;
    const auto* const end = text.data() + text.size();
    const auto [at, failure] = std::from_chars(text.data(), end, sequence.value);
    if (failure != std::errc() || at == text.data()) {
        return Error{Code::bad_request, std::string(malformed_since), {}};
    }
    if (at == end) return former_sequence(*this, text);
    if (*at != '-') return Error{Code::bad_request, std::string(malformed_since), {}};
    const std::string_view token(at + 1, static_cast<std::size_t>(end - at - 1));
    if (!names_incarnation(token) && !names_shards(token)) {
        return Error{Code::bad_request, std::string(malformed_since), {}};
    }
    if (token != token_) return former_sequence(*this, text);
    // What this incarnation has not reached yet was read before an earlier state was restored.
    return sequence <= state().update_sequence ? sequence : Sequence{};
}

std::shared_ptr<const ReadView> Database::view() const {
    return std::make_shared<const ReadView>(shared_from_this(), engine_.snapshot());
}

void Database::commit_aside(const Batch& batch, Durability durability) {
    // Shared with others of its kind, but never at the time of the deletion.
    const std::shared_lock lock(aside_mutex_);
    if (doomed()) throw Refused(Code::not_found, "Database does not exist.");
    engine_.commit(batch, durability);
}

RangeCounts& Database::documents_counted() const {
    if (!documents_counted_) {
        documents_counted_ = std::make_unique<RangeCounts>(
            RangeCounts::load(engine_, id(), keys::count_documents));
    }
    return *documents_counted_;
}

RangeCounts& Database::changes_counted() const {
    if (!changes_counted_) {
        changes_counted_ = std::make_unique<RangeCounts>(
            RangeCounts::load(engine_, id(), keys::count_changes));
    }
    return *changes_counted_;
}

bool Database::wants_compaction() const {
    const auto now = state();
    return !compacting() && !doomed() && now.garbage_bytes > garbage_bytes_min &&
           now.garbage_bytes > now.leaf_bytes + now.attachment_bytes;
}

std::uint64_t Database::file_bytes() const {
    std::uint64_t sum = 0;
    const auto from = keys::database(id());
    const auto to = keys::after_prefix(from);
    for (const auto family : {Family::docs, Family::bodies, Family::changes, Family::attachments,
                              Family::local, Family::index}) {
        sum += engine_.approximate_bytes(family, from, to);
    }
    return sum;
}

}  // namespace divan::storage
