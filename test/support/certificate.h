#pragma once

#include <filesystem>
#include <string>

namespace divan::test {

struct CertificateFiles {
    std::filesystem::path certificate;
    std::filesystem::path key;
};

/// Writes NAME.pem and NAME.key to `folder`: a certificate for 127.0.0.1 and localhost that signs
/// itself (P-256, good for a day), with the common name NAME. The key is encrypted where there is
/// a password.
CertificateFiles make_certificate(const std::filesystem::path& folder, const std::string& name,
                                  const std::string& password = {});

}  // namespace divan::test
