#include "storage/document/attachment.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <new>

#include "storage/base/json.h"

namespace divan::storage {
namespace {

constexpr int gzip_window_bits = 16 + 15;
constexpr int gzip_memory_level = 8;
constexpr std::size_t step_bytes = 32U << 10;
/// What zlib counts in.
constexpr std::size_t zlib_bytes_max = std::numeric_limits<uInt>::max();

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_letters(std::string_view a, std::string_view b) {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view white = " \t\r\n";
    const auto first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

/// `type` against "text/*" or "application/json": the part before its parameters counts.
bool type_matches(std::string_view type, std::string_view pattern) {
    const auto star = pattern.find('*');
    if (star == std::string_view::npos) return same_letters(type, pattern);
    const auto head = pattern.substr(0, star);
    const auto tail = pattern.substr(star + 1);
    return type.size() >= head.size() + tail.size() &&
           same_letters(type.substr(0, head.size()), head) &&
           same_letters(type.substr(type.size() - tail.size()), tail);
}

void append_number(std::string& out, std::uint64_t number) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, end);
}

/// All that comes before the part that says where the data is.
void append_head(std::string& out, const StoredAttachment& attachment) {
    append_json_string(out, attachment.name);
    out += ":{\"content_type\":";
    append_json_string(out, attachment.content_type);
    out += ",\"revpos\":";
    append_number(out, attachment.revpos);
    out += ",\"digest\":\"";
    out += digest_text(attachment);
    out += '"';
}

void append_tail(std::string& out, const StoredAttachment& attachment, const AttachmentView& view) {
    if (view.encoding_info && attachment.encoding != AttachmentEncoding::identity) {
        out += ",\"encoding\":\"gzip\",\"encoded_length\":";
        append_number(out, attachment.stored_bytes);
    }
    out += '}';
}

}  // namespace

std::string digest_text(const StoredAttachment& attachment) {
    return "md5-" + base64_encode(as_bytes(attachment.digest));
}

bool is_compressible(std::string_view content_type, std::string_view compressible_types) {
    const auto type = trimmed(content_type.substr(0, content_type.find(';')));
    while (!compressible_types.empty()) {
        const auto comma = std::min(compressible_types.find(','), compressible_types.size());
        const auto pattern = trimmed(compressible_types.substr(0, comma));
        if (!pattern.empty() && type_matches(type, pattern)) return true;
        compressible_types.remove_prefix(std::min(comma + 1, compressible_types.size()));
    }
    return false;
}

void append_attachment_stub(std::string& out, const StoredAttachment& attachment,
                            const AttachmentView& view) {
    append_head(out, attachment);
    out += ",\"length\":";
    append_number(out, attachment.identity_bytes);
    out += ",\"stub\":true";
    append_tail(out, attachment, view);
}

void append_attachment_follows(std::string& out, const StoredAttachment& attachment,
                               const AttachmentView& view) {
    append_head(out, attachment);
    out += ",\"length\":";
    append_number(out, attachment.identity_bytes);
    out += ",\"follows\":true";
    append_tail(out, attachment, view);
}

void append_attachment_data(std::string& out, const StoredAttachment& attachment,
                            const AttachmentView& view, BytesView identity) {
    append_head(out, attachment);
    out += ",\"data\":\"";
    out += base64_encode(identity);
    out += '"';
    append_tail(out, attachment, view);
}

struct GzipWriter::State {
    z_stream stream{};
};

GzipWriter::GzipWriter(int level) : state_(std::make_unique<State>()) {
    // A level that is none would be refused by zlib; a setting must not stop the server.
    const int usable = std::clamp(level, 0, 9);
    if (deflateInit2(&state_->stream, usable, Z_DEFLATED, gzip_window_bits, gzip_memory_level,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::bad_alloc();
    }
}

GzipWriter::~GzipWriter() {
    deflateEnd(&state_->stream);
}

void GzipWriter::write(BytesView bytes, std::string& out) {
    while (!bytes.empty()) {
        const auto taken = std::min(bytes.size(), zlib_bytes_max);
        // zlib never writes through next_in; its type is older than const.
        state_->stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        state_->stream.avail_in = static_cast<uInt>(taken);
        run(Z_NO_FLUSH, out);
        bytes.remove_prefix(taken);
    }
}

void GzipWriter::finish(std::string& out) {
    run(Z_FINISH, out);
}

void GzipWriter::run(int flush, std::string& out) {
    auto& stream = state_->stream;
    int status = Z_OK;
    do {
        const auto before = out.size();
        out.resize(before + step_bytes);
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
        stream.avail_out = static_cast<uInt>(step_bytes);
        status = deflate(&stream, flush);
        out.resize(before + step_bytes - stream.avail_out);
        DIVAN_CHECK(status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR);
    } while (flush == Z_FINISH ? status != Z_STREAM_END
                               : stream.avail_in > 0 || stream.avail_out == 0);
}

void unpack_step(Inflater& inflater, BytesView& rest, std::string& out, std::size_t bytes_max) {
    if (inflater.step(rest, out, bytes_max)) return;
    throw Refused(Code::bad_request, "Attachment is not properly gzipped.");
}

}  // namespace divan::storage
