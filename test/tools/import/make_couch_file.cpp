// Writes a database file of many documents, to measure imports with:
//   make_couch_file [--random-ids] FILE DOCUMENTS BODY_BYTES
//                   [ATTACHMENT_BYTES [LOCAL_ID LOCAL_JSON]]
// A file of more documents begins with the same ones. Their ids grow with their changes, or are as
// random as clients' UUIDs.

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "test/tools/import/couch_file_writer.h"

namespace {

constexpr const char* words[] = {"reading", "sensor",  "kitchen", "garden", "ordered", "shipped",
                                 "blue",    "harbour", "window",  "letter", "seven",   "cloud"};

std::string body(std::mt19937_64& random, std::size_t bytes) {
    std::string json = R"({"type":"reading","number":)" + std::to_string(random() % 100'000) +
                       R"(,"ratio":0.5,"active":true,"tags":["a","b"],"text":")";
    while (json.size() + 2 < bytes) json.append(words[random() % 12]).append(" ");
    return json + "\"}";
}

// As [uuids] algorithm = sequential gives them, or = random.
std::string id_of(std::uint64_t number, bool at_random) {
    std::mt19937_64 random(number);
    const unsigned long long low = at_random ? random() : number * 37;
    const unsigned long long high = at_random ? random() : 0x5f3c9a0b11ULL;
    char id[40];
    std::snprintf(id, sizeof id, "%016llx%016llx", high, low);
    return id;
}

}  // namespace

int main(int argc, char** argv) {
    using divan::import::CouchFileWriter;
    const bool random_ids = argc > 1 && std::string(argv[1]) == "--random-ids";
    if (random_ids) {
        ++argv;
        --argc;
    }
    if (argc < 4) {
        std::fputs("usage: make_couch_file [--random-ids] FILE DOCUMENTS BODY_BYTES "
                   "[ATTACHMENT_BYTES [LOCAL_ID LOCAL_JSON]]\n",
                   stderr);
        return 1;
    }
    std::ofstream out(argv[1], std::ios::binary);
    const auto documents = std::strtoull(argv[2], nullptr, 10);
    const auto body_bytes = std::strtoull(argv[3], nullptr, 10);
    const auto attachment_bytes = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0;
    std::mt19937_64 random(1);
    CouchFileWriter writer({});
    for (std::uint64_t number = 0; number < documents; ++number) {
        std::string hash(16, '\0');
        for (auto& byte : hash) byte = static_cast<char>(random());
        CouchFileWriter::Leaf leaf{1, {hash}, false, body(random, body_bytes), {}};
        if (attachment_bytes > 0) {
            std::string bytes(attachment_bytes, '\0');
            for (auto& byte : bytes) byte = static_cast<char>(random());
            leaf.attachments.push_back({"photo.jpg", "image/jpeg", std::move(bytes)});
        }
        writer.add(id_of(number, random_ids), {leaf});
        if (number % 10'000 == 0) out << writer.take();
    }
    if (argc > 6) writer.add_local(argv[5], argv[6]);
    out << writer.finish();
    out.close();
    return out.good() ? 0 : 1;
}
