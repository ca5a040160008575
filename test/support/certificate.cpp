#include "test/support/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace divan::test {
namespace {

void require(bool good) {
    if (!good) throw std::runtime_error("cannot make a certificate");
}

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

void add_extension(X509* certificate, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    require(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

}  // namespace

CertificateFiles make_certificate(const std::filesystem::path& folder, const std::string& name,
                                  const std::string& password) {
    constexpr long day = 24 * 60 * 60;
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), &X509_free);
    require(key && certificate);
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -day);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), day);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* subject = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), subject);
    add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);

    CertificateFiles files{folder / (name + ".pem"), folder / (name + ".key")};
    const File out(std::fopen(files.certificate.c_str(), "we"), &std::fclose);
    const File key_out(std::fopen(files.key.c_str(), "we"), &std::fclose);
    require(out && key_out);
    require(PEM_write_X509(out.get(), certificate.get()) == 1);
    const auto* cipher = password.empty() ? nullptr : EVP_aes_256_cbc();
    const auto* bytes = reinterpret_cast<const unsigned char*>(password.data());
    require(PEM_write_PrivateKey(key_out.get(), key.get(), cipher,
                                 password.empty() ? nullptr : bytes,
                                 static_cast<int>(password.size()), nullptr, nullptr) == 1);
    return files;
}

}  // namespace divan::test
