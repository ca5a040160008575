#include "auth/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <stdexcept>

#include "auth/text_list.h"

namespace divan::auth {
namespace {

struct Row {
    HashAlgorithm algorithm;
    std::string_view name;
    std::size_t bytes;
    const EVP_MD* (*digest)();
};

constexpr Row table[] = {
    {HashAlgorithm::sha1,   "sha",    20, EVP_sha1  },
    {HashAlgorithm::sha224, "sha224", 28, EVP_sha224},
    {HashAlgorithm::sha256, "sha256", 32, EVP_sha256},
    {HashAlgorithm::sha384, "sha384", 48, EVP_sha384},
    {HashAlgorithm::sha512, "sha512", 64, EVP_sha512},
};

const Row& row_of(HashAlgorithm algorithm) {
    return table[static_cast<std::size_t>(algorithm)];
}

}  // namespace

std::optional<HashAlgorithm> hash_named(std::string_view name) {
    for (const auto& row : table) {
        if (row.name == name) return row.algorithm;
    }
    return std::nullopt;
}

std::vector<HashAlgorithm> parse_hash_algorithms(std::string_view list) {
    std::vector<HashAlgorithm> algorithms;
    for (const auto& name : split_list(list)) {
        if (const auto known = hash_named(name)) algorithms.push_back(*known);
    }
    if (algorithms.empty()) algorithms.push_back(HashAlgorithm::sha256);
    return algorithms;
}

std::size_t digest_bytes(HashAlgorithm algorithm) {
    return row_of(algorithm).bytes;
}

Bytes hmac(HashAlgorithm algorithm, BytesView key, BytesView message) {
    const auto& row = row_of(algorithm);
    Bytes code(row.bytes, '\0');
    unsigned size = 0;
    const auto* done = HMAC(row.digest(), key.data(), static_cast<int>(key.size()),
                            reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                            reinterpret_cast<unsigned char*>(code.data()), &size);
    if (done == nullptr || size != code.size()) throw std::runtime_error("HMAC failed");
    return code;
}

}  // namespace divan::auth
