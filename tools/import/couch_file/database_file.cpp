#include "tools/import/couch_file/database_file.h"

#include <set>

#include "storage/base/digest.h"
#include "storage/base/json.h"
#include "tools/import/couch_file/btree.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/revision_forest.h"

namespace divan::import {
namespace {

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

DatabaseHeader newest_database_header(const BlockFile& file, std::uint64_t& torn_bytes) {
    std::string reason = "no header in it: this is no database file, or nothing of it is left";
    for (auto end = file.size(); const auto header = file.newest_header(end);) {
        try {
            auto parsed = parse_database_header(header->bytes);
            const auto used = header->position + header->bytes.size();
            const auto end_of_header = (used / block_bytes + 1) * block_bytes;
            torn_bytes = file.size() - std::min(file.size(), end_of_header);
            return parsed;
        } catch (const Damage& damage) {
            reason = damage.what();
        }
        end = header->position;
    }
    throw Damage(reason);
}

// A half of a body: a term, or the bytes of a compressed one (since 1.2).
std::string inner_term(const Term& half) {
    if (half.kind != Term::Kind::binary) return std::string(half.bytes);
    return std::string(without_version(decompress_term(half.text)));
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
    const auto by_id = [](const Term& key, const Term& value) {
        const auto fields = value.tuple(3);
        return document_of(key.binary(), fields[0].unsigned_integer(), fields);
    };
    const auto visit_by_id = [&](const Term& key, const Term& value) { visit(by_id(key, value)); };
    TreeWalk(file_, visit_by_id, note_damage).walk(header_.ids);
    if (whole) return;

    std::set<std::string, std::less<>> seen;
    const auto remember = [&](const Term& key, const Term& value) {
        seen.insert(by_id(key, value).id);
    };
    TreeWalk(file_, remember, [](const std::string&) {}).walk(header_.ids);
    const auto by_sequence = [&](const Term& key, const Term& value) {
        const auto fields = value.tuple(3);
        // Before 1.2 this index had the leaves alone, without their histories.
        if (fields[1].kind != Term::Kind::integer || seen.contains(fields[0].binary())) return;
        visit(document_of(fields[0].binary(), key.unsigned_integer(), fields));
    };
    TreeWalk(file_, by_sequence, damaged).walk(header_.sequences);
}

void DatabaseFile::locals(const std::function<void(FileLocal)>& visit,
                          const Damaged& damaged) const {
    const auto one = [&](const Term& key, const Term& value) {
        const auto fields = value.tuple(2);
        visit({std::string(key.binary()), fields[0].unsigned_integer(),
               json_of_term(fields[1].bytes)});
    };
    TreeWalk(file_, one, damaged).walk(header_.locals);
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
    TreeWalk(file_, one, damaged).walk(header_.purges);
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

FileBody DatabaseFile::body(std::uint64_t position) const {
    const auto stored = file_.term(position);
    const auto term = parse_term(stored);
    const auto halves = term.tuple(2);
    FileBody body;
    body.json = json_of_term(inner_term(halves[0]));
    const auto attachments = "\x83" + inner_term(halves[1]);
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
