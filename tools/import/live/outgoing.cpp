#include "tools/import/live/outgoing.h"

#include <fmt/format.h>

#include "storage/base/json.h"
#include "storage/document/attachment.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/live/spool.h"

namespace divan::import {
namespace {

constexpr std::uint64_t piece_bytes = 256 * 1024;

void append_attachment(std::string& json, const Attachment& attachment) {
    append_json_string(json, attachment.name);
    json += ":{\"content_type\":";
    append_json_string(json, attachment.content_type);
    json += fmt::format(",\"revpos\":{},\"length\":{},\"follows\":true", attachment.revpos,
                        attachment.gzip ? attachment.length : attachment.stored_length);
    if (attachment.digest) {
        json += ",\"digest\":\"md5-" + base64_encode(as_bytes(*attachment.digest)) + "\"";
    }
    if (attachment.gzip) {
        json += fmt::format(",\"encoding\":\"gzip\",\"encoded_length\":{}",
                            attachment.stored_length);
    }
    json.push_back('}');
}

}  // namespace

replication::TravellingDocument outgoing(const std::string& id, const Leaf& leaf) {
    replication::TravellingDocument document;
    document.id = id;
    document.revision = leaf.revision();
    auto& json = document.json;
    json = "{\"_id\":";
    append_json_string(json, id);
    json += ",\"_rev\":\"" + storage::to_string(leaf.revision()) + "\"";
    json += fmt::format(",\"_revisions\":{{\"start\":{},\"ids\":[", leaf.generation);
    for (const auto& hash : leaf.path) {
        const auto text = storage::to_string({leaf.generation, hash});
        if (json.back() != '[') json.push_back(',');
        append_json_string(json, std::string_view(text).substr(text.find('-') + 1));
    }
    json += "]}";
    if (leaf.deleted) json += ",\"_deleted\":true";
    if (!leaf.attachments.empty()) {
        json += ",\"_attachments\":{";
        for (const auto& attachment : leaf.attachments) {
            if (json.back() != '{') json.push_back(',');
            append_attachment(json, attachment);
            document.attachment_bytes.push_back(attachment.stored_length);
        }
        json.push_back('}');
    }
    json += leaf.json.size() > 2 ? "," + leaf.json.substr(1) : "}";
    return document;
}

struct LeafBytes::Held {
    SpooledBytes bytes{std::make_shared<Spool>()};
    std::uint64_t position = 0;
};

LeafBytes::LeafBytes(const Leaf& leaf) {
    for (const auto& attachment : leaf.attachments) {
        auto held = std::make_unique<Held>();
        attachment.read([&](std::string_view piece) { held->bytes.append(piece); });
        const bool whole = held->bytes.size() == attachment.stored_length &&
                           (!attachment.digest || held->bytes.digest() == *attachment.digest);
        if (!whole) throw Damage(attachment.name + ": its length or MD5 does not match");
        held_.push_back(std::move(held));
    }
}

LeafBytes::~LeafBytes() = default;

Task<bool> LeafBytes::read(std::size_t index, std::string& out) {
    auto& held = *held_.at(index);
    held.position += held.bytes.read_piece(held.position, piece_bytes, out);
    co_return held.position < held.bytes.size();
}

}  // namespace divan::import
