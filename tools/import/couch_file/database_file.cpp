#include "tools/import/couch_file/database_file.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/revision_forest.h"
#include "tools/import/couch_file/term_reader.h"

namespace divan::import {
namespace {

constexpr std::string_view no_attachments = "\x83j";  // []

// {Seq, Deleted, [Sizes,] Tree} by id; {Id, Deleted, [Sizes,] Tree} by sequence.
FileDocument document_of(std::string_view id, std::uint64_t sequence,
                         std::span<const Term> fields) {
    FileDocument document;
    document.id = id;
    document.sequence = sequence;
    document.deleted = fields[1].integer() != 0;
    document.leaves = leaves_of(fields.back());
    return document;
}

std::uint64_t chunk_position(const Term& pointer) {
    return pointer.is_tuple() ? pointer.tuple(2)[0].unsigned_integer()
                              : pointer.unsigned_integer();
}

bool is_gzip(const Term& encoding) {
    // Before 1.1 a flag said whether the bytes are compressed.
    return encoding.is_atom("gzip") || encoding.is_atom("true");
}

// The forms that couch_att:from_disk_term/2 takes.
FileAttachment attachment_of(const Term& stored) {
    auto fields = stored.tuple(2);
    if (fields[0].is_tuple()) fields = fields[0].tuple(6);  // {Base, Extended}

    FileAttachment attachment;
    attachment.name = fields[0].any_text();
    std::span<const Term> chunks;
    if (fields.size() == 2) {  // {Name, {Type, Chunks, Length}}
        const auto inner = fields[1].tuple(3);
        attachment.content_type = inner[0].any_text();
        chunks = inner[1].list();
        attachment.encoded_length = attachment.length = inner[2].unsigned_integer();
    } else {
        const bool encoded = fields.size() >= 8;
        if (!encoded && fields.size() != 6) throw Damage("an attachment of an unknown form");
        attachment.content_type = fields[1].any_text();
        chunks = fields[2].list();
        attachment.encoded_length = fields[3].unsigned_integer();
        attachment.length = fields[encoded ? 4 : 3].unsigned_integer();
        attachment.revpos = fields[encoded ? 5 : 4].unsigned_integer();
        attachment.digest = fields[encoded ? 6 : 5].any_text();
        attachment.gzip = encoded && is_gzip(fields[7]);
    }
    attachment.chunks.reserve(chunks.size());
    for (const auto& chunk : chunks) attachment.chunks.push_back(chunk_position(chunk));
    return attachment;
}

// The N of "0-N", which some versions kept as a text.
std::uint64_t edits_of(const Term& revision) {
    if (revision.kind != Term::Kind::binary) return revision.unsigned_integer();
    std::uint64_t edits = 0;
    const auto* const end = revision.text.data() + revision.text.size();
    if (std::from_chars(revision.text.data(), end, edits).ptr != end) {
        throw Damage("the revision of a local document is no number");
    }
    return edits;
}

FileDocument listed_by_id(const Term& key, const Term& value) {
    const auto fields = value.tuple(3);
    return document_of(key.binary(), fields[0].unsigned_integer(), fields);
}

// Never an older header where the newest one is of a version that we do not know: it would be an
// older state.
DatabaseHeader newest_database_header(const BlockFile& file, std::uint64_t& torn_bytes) {
    const auto header = file.newest_header(file.size());
    if (!header) {
        throw Damage("no header in it: this is no database file, or nothing of it is left");
    }
    const auto used = header->position + header->bytes.size();
    const auto end_of_header = (used / block_bytes + 1) * block_bytes;
    torn_bytes = file.size() - std::min(file.size(), end_of_header);
    return parse_database_header(header->bytes);
}

// A half of a body: a term, or the bytes of a compressed one (since 1.2). With its version byte.
std::string inner_term(const Term& half) {
    if (half.kind != Term::Kind::binary) return "\x83" + std::string(half.bytes);
    return decompress_term(half.text);
}

// {Body, Attachments}, either compressed by itself: nearly all are so. Empty of others.
std::optional<std::pair<std::string_view, std::string_view>> binary_halves(std::string_view term) {
    TermReader in(term);
    in.version();
    constexpr std::uint8_t arity = 2;
    if (in.tag() != Tag::small_tuple || in.u8() != arity) return std::nullopt;
    if (in.tag() != Tag::binary) return std::nullopt;
    const auto body = in.raw(in.u32());
    if (in.tag() != Tag::binary) return std::nullopt;
    const auto attachments = in.raw(in.u32());
    if (!in.rest().empty()) return std::nullopt;
    return std::pair(body, attachments);
}

}  // namespace

DatabaseFile::DatabaseFile(const std::filesystem::path& path)
    : file_(path), header_(newest_database_header(file_, torn_bytes_)) {}

void DatabaseFile::documents(const std::function<void(FileDocument)>& visit,
                             const Damaged& damaged) const {
    bool whole = true;
    const auto note_damage = [&](const std::string& what) {
        whole = false;
        damaged(what);
    };
    const auto one = [&](const Term& key, const Term& value) { visit(listed_by_id(key, value)); };
    walk_tree(file_, header_.ids, one, note_damage);
    if (whole) return;

    std::set<std::string, std::less<>> seen;
    const auto remember = [&](const Term& key, const Term& value) {
        seen.insert(listed_by_id(key, value).id);
    };
    walk_tree(file_, header_.ids, remember, [](const std::string&) {});
    ChangesCursor changes(*this, damaged);
    while (auto document = changes.next()) {
        if (!seen.contains(document->id)) visit(std::move(*document));
    }
}

void DatabaseFile::documents_besides_changes(const std::function<void(FileDocument)>& visit,
                                             const Damaged& damaged) const {
    std::set<std::string, std::less<>> seen;
    ChangesCursor changes(*this, [](const std::string&) {});
    while (const auto document = changes.next()) seen.insert(document->id);
    const auto one = [&](const Term& key, const Term& value) {
        if (!seen.contains(key.binary())) visit(listed_by_id(key, value));
    };
    walk_tree(file_, header_.ids, one, damaged);
}

ChangesCursor::ChangesCursor(const DatabaseFile& file, DatabaseFile::Damaged damaged)
    : file_(file), tree_(file.blocks(), file.header().sequences,
                         [this, damaged = std::move(damaged)](const std::string& what) {
                             gaps_ = true;
                             damaged(what);
                         }) {}

std::optional<FileDocument> ChangesCursor::next() {
    while (const auto* entry = tree_.next()) {
        try {
            const auto fields = entry->value->tuple(3);
            if (fields[1].kind != Term::Kind::integer) {
                gaps_ = true;
                continue;
            }
            auto document =
                document_of(fields[0].binary(), entry->key->unsigned_integer(), fields);
            ++count_;
            return document;
        } catch (const Damage& damage) {
            tree_.tell(damage.what());
        }
    }
    return std::nullopt;
}

bool ChangesCursor::whole() const {
    return !gaps_ && file_.header().documents.value_or(count_) <= count_;
}

void DatabaseFile::locals(const std::function<void(FileLocal)>& visit,
                          const Damaged& damaged) const {
    const auto one = [&](const Term& key, const Term& value) {
        const auto fields = value.tuple(2);
        visit({std::string(key.binary()), edits_of(fields[0]), json_of_term(fields[1].bytes)});
    };
    walk_tree(file_, header_.locals, one, damaged);
}

void DatabaseFile::purges(const std::function<void(FilePurge)>& visit,
                          const Damaged& damaged) const {
    const auto one = [&](const Term& key, const Term& value) {  // {Uuid, Id, Revisions}
        const auto fields = value.tuple(3);
        FilePurge purge{key.unsigned_integer(), std::string(fields[1].binary()), {}};
        for (const auto& revision : fields[2].list()) {
            const auto parts = revision.tuple(2);
            purge.revisions.push_back(
                {parts[0].unsigned_integer(), storage::RevisionHash(parts[1].any_text())});
        }
        visit(std::move(purge));
    };
    walk_tree(file_, header_.purges, one, damaged);
}

// A list of members, unlike other JSON there: couch_db:set_security/2 stores it so.
std::string DatabaseFile::security() const {
    if (!header_.security) return {};
    const auto stored = file_.term(*header_.security);
    const auto members = without_version(stored);
    constexpr std::string_view object_of = "h\1";  // {Members}
    const bool bare = !members.starts_with('h');
    return json_of_term(bare ? std::string(object_of) + std::string(members)
                             : std::string(members));
}

bool DatabaseFile::partitioned() const {
    if (!header_.properties) return false;
    const auto stored = file_.term(*header_.properties);
    const auto term = parse_term(stored);
    for (const auto& property : term.list()) {
        const auto pair = property.tuple(2);
        if (pair[0].any_text() == "partitioned") return pair[1].is_atom("true");
    }
    return false;
}

FileBody DatabaseFile::body(std::uint64_t position, BlockFile::Window& window) const {
    const auto stored = file_.term(position, window);
    std::string json, attachments;
    if (const auto halves = binary_halves(stored)) {
        json = decompress_term(halves->first);
        attachments = decompress_term(halves->second);
    } else {
        const auto term = parse_term(stored);
        const auto parts = term.tuple(2);
        json = inner_term(parts[0]);
        attachments = inner_term(parts[1]);
    }
    FileBody body;
    body.json = json_of_term(without_version(json), &body.normal);
    if (attachments == no_attachments) return body;
    const auto list = parse_term(attachments);
    for (const auto& attachment : list.list()) {
        body.attachments.push_back(attachment_of(attachment));
    }
    return body;
}

void DatabaseFile::attachment(const FileAttachment& attachment,
                              const std::function<void(std::string_view bytes)>& take) const {
    if (attachment.encoded_length > file_.size()) throw Damage("an attachment of absurd length");
    Md5 digest;
    std::uint64_t bytes = 0;
    for (const auto position : attachment.chunks) {
        const auto chunk = file_.chunk(position);
        digest.update(chunk);
        bytes += chunk.size();
        if (bytes > attachment.encoded_length) throw Damage("an attachment of another length");
        take(chunk);
    }
    if (bytes != attachment.encoded_length) throw Damage("an attachment of another length");
    const auto found = digest.finish();
    if (!attachment.digest.empty() && attachment.digest != as_bytes(found)) {
        throw Damage("an attachment whose MD5 does not match");
    }
}

}  // namespace divan::import
