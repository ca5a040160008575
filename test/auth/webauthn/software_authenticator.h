#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "auth/webauthn/cose_key.h"
#include "storage/base/bytes.h"

struct evp_pkey_st;
struct x509_st;

namespace divan::test {

using auth::webauthn::Algorithm;

/// The head of a CBOR value, for bytes put together by hand.
Bytes cbor_head(unsigned major, std::uint64_t argument);
Bytes cbor_number(std::int64_t number);
Bytes cbor_bytes(BytesView bytes);
Bytes cbor_text(std::string_view text);

/// A key pair of a kind. Aborts the test where OpenSSL fails.
class KeyPair {
public:
    explicit KeyPair(Algorithm algorithm);
    Bytes cose() const;
    Bytes sign(BytesView message) const;
    evp_pkey_st* handle() const { return key_.get(); }

private:
    Algorithm algorithm_;
    std::shared_ptr<evp_pkey_st> key_;
};

/// An authenticator with one credential, and the browser in front of it. What it does wrong is set
/// by its members.
class SoftwareAuthenticator {
public:
    explicit SoftwareAuthenticator(Algorithm algorithm = Algorithm::es256);

    std::string rp_id = "example.org";
    std::string origin = "https://example.org";
    std::string more_client_data;  ///< Members, each with a comma before it.
    Bytes id;                      ///< Random, 32 bytes.
    Bytes aaguid = Bytes(16, '\x2a');
    std::uint8_t flags = 0x1d;  ///< UP, UV, BE and BS.
    std::uint32_t counter = 0;
    Bytes cose;  ///< The public key as it shows it.
    /// Makes "fmt" and "attStmt" from authenticator data and client data hash.
    struct Statement {
        std::string format;
        Bytes cbor;
    };
    std::function<Statement(BytesView data, BytesView client_data_hash)> attest;

    const KeyPair& key() const { return key_; }
    Bytes authenticator_data(bool with_credential) const;
    std::string client_data(std::string_view type, std::string_view challenge) const;
    /// RegistrationResponseJSON. `challenge` is base64url, as options have it.
    std::string create(std::string_view challenge) const;
    /// AuthenticationResponseJSON; without a user handle where that is empty.
    std::string get(std::string_view challenge, std::string_view user_handle_base64url = {}) const;

private:
    KeyPair key_;
};

/// A certificate for attestation, right in every way until a test changes it.
struct CertificateForm {
    long version = 2;
    std::string country = "AQ";
    std::string organisation = "Test";
    std::string unit = "Authenticator Attestation";
    std::string name = "Test Authenticator";
    std::string basic_constraints = "critical,CA:FALSE";  ///< Empty: none.
    Bytes aaguid;                                         ///< Empty: no such extension.
    bool aaguid_critical = false;
};
/// DER, for the public half of `key` and signed by it.
Bytes make_certificate(const KeyPair& key, const CertificateForm& form);

}  // namespace divan::test
