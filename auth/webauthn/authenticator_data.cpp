#include "auth/webauthn/authenticator_data.h"

#include "auth/webauthn/cbor.h"

namespace divan::auth::webauthn {
namespace {

constexpr std::size_t rp_id_hash_bytes = 32;

enum Flag : std::uint8_t {
    up = 1 << 0,
    uv = 1 << 2,
    be = 1 << 3,
    bs = 1 << 4,
    at = 1 << 6,
    ed = 1 << 7,
};

// Takes one CBOR map off the reader's bytes.
BytesView take_map(ByteReader& reader, const char* what) {
    const auto prefix = parse_cbor_prefix(reader.rest(), CborOrder::canonical).value();
    if (!prefix.value.is_map()) throw Refused(Code::bad_request, what);
    return reader.raw(prefix.size);
}

AttestedCredential take_credential(ByteReader& reader) {
    AttestedCredential credential;
    credential.aaguid = reader.raw(aaguid_bytes);
    const std::size_t high = reader.u8();
    const std::size_t id_bytes = high << 8 | reader.u8();
    if (id_bytes == 0 || id_bytes > credential_id_bytes_max) {
        throw Refused(Code::bad_request, "A credential id has 1 to 1023 bytes.");
    }
    credential.id = reader.raw(id_bytes);
    credential.public_key = take_map(reader, "The public key is no COSE key.");
    return credential;
}

}  // namespace

Result<AuthenticatorData> parse_authenticator_data(BytesView bytes) {
    try {
        ByteReader reader(bytes);
        AuthenticatorData data;
        data.rp_id_hash = reader.raw(rp_id_hash_bytes);
        const auto flags = reader.u8();
        data.user_present = (flags & up) != 0;
        data.user_verified = (flags & uv) != 0;
        data.backup_eligible = (flags & be) != 0;
        data.backed_up = (flags & bs) != 0;
        data.sign_count = reader.u32();
        if ((flags & at) != 0) data.credential = take_credential(reader);
        if ((flags & ed) != 0) take_map(reader, "The authenticator's extensions are no map.");
        if (reader.empty()) return data;
        return Error{Code::bad_request, "Authenticator data with bytes after its end.", {}};
    } catch (const CorruptBytes&) {
        return Error{Code::bad_request, "Authenticator data ends too early.", {}};
    } catch (const Refused& refused) {
        return refused.error();
    }
}

}  // namespace divan::auth::webauthn
