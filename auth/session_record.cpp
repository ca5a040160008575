#include "auth/session_record.h"

#include "storage/base/crypto.h"
#include "storage/base/digest.h"
#include "storage/base/random.h"

namespace divan::auth {
namespace {

constexpr std::uint8_t layout = 1;

SessionKind kind_of(std::uint8_t number) {
    if (number < 1 || number > 4) throw CorruptBytes();
    return static_cast<SessionKind>(number);
}

}  // namespace

std::string_view name_of(SessionKind kind) {
    switch (kind) {
        case SessionKind::password:
            return "password";
        case SessionKind::passkey:
            return "passkey";
        case SessionKind::token:
            return "token";
        case SessionKind::recovery:
            return "recovery";
    }
    return {};
}

std::string make_session_id() {
    return base64url_encode(random_bytes(session_id_bytes));
}

bool is_session_id(std::string_view text) {
    return text.size() == session_id_characters && base64url_decode(text).has_value();
}

Bytes session_key_prefix(std::string_view user) {
    Bytes key;
    ByteWriter(key).ordered(user);
    return key;
}

Bytes session_key(std::string_view user, std::string_view id) {
    return session_key_prefix(user) + Bytes(id);
}

Bytes encode_session(const SessionRecord& record) {
    Bytes value;
    ByteWriter writer(value);
    writer.u8(layout);
    writer.u8(static_cast<std::uint8_t>(record.kind));
    writer.varint(static_cast<std::uint64_t>(record.created));
    writer.varint(static_cast<std::uint64_t>(record.last_used));
    writer.varint(static_cast<std::uint64_t>(record.issued));
    writer.sized(record.address);
    writer.sized(record.agent);
    writer.sized(record.stamp);
    return value;
}

SessionRecord decode_session(BytesView key, BytesView value) {
    SessionRecord record;
    ByteReader of_key(key);
    record.user = of_key.ordered();
    record.id = of_key.rest();
    ByteReader reader(value);
    if (reader.u8() != layout) throw CorruptBytes();
    record.kind = kind_of(reader.u8());
    record.created = static_cast<std::int64_t>(reader.varint());
    record.last_used = static_cast<std::int64_t>(reader.varint());
    record.issued = static_cast<std::int64_t>(reader.varint());
    record.address = reader.sized();
    record.agent = reader.sized();
    record.stamp = reader.sized();
    return record;
}

}  // namespace divan::auth
