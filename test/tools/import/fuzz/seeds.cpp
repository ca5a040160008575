#include "test/tools/import/fuzz/seeds.h"

#include <algorithm>

#include "test/tools/import/couch_file_writer.h"

namespace divan::import {
namespace {

std::string hash(char byte) {
    return std::string(16, byte);
}

void add_documents(CouchFileWriter& writer, int count) {
    for (int number = 0; number < count; ++number) {
        const auto id = "doc-" + std::to_string(100 + number);
        std::vector<CouchFileWriter::Leaf> leaves{
            {2, {hash('b'), hash('a')}, false,
             R"({"number":)" + std::to_string(number * 1000) +
                 R"(,"real":-1.5,"list":[1,"two",null,true],"in":{"text":"ä"}})",
             {}}};
        if (number % 3 == 1) leaves.push_back({2, {hash('c'), hash('a')}, true, "{}", {}});
        if (number % 4 == 2) {
            leaves[0].attachments.push_back({"text", "text/plain", "some bytes"});
            leaves[0].attachments.push_back({"more", "image/png", std::string(6000, 'x')});
        }
        writer.add(id, leaves);
    }
}

// Sizes and counts that programs get wrong.
constexpr std::uint32_t telling[] = {0,          1,          0x7f,       0x80,      0xff,
                                     0x100,      0xffff,     0x10000,    0x7fffffff, 0x80000000,
                                     0xffffffff, 0xfffffffe, 0x01000000, 4096,       4095};

}  // namespace

std::string seed_file(int shape, const std::function<void(std::string&)>& change) {
    CouchFileWriter::Options options;
    options.snappy = shape % 2 == 0;
    options.change = change;
    if (shape >= 2) {
        options.security = term::list({term::tuple(
            {term::binary("admins"), term::tuple({term::list({term::tuple(
                                         {term::binary("names"), term::list({})})})})})});
    }
    CouchFileWriter writer(options);
    add_documents(writer, shape < 2 ? 6 : 40);
    writer.add_local("checkpoint", R"({"seq":7})");
    writer.add_purge("gone", hash('g'));
    return writer.finish();
}

void mutate(std::string& bytes, std::mt19937_64& random) {
    if (bytes.empty()) return;
    const auto place = [&] { return static_cast<std::size_t>(random() % bytes.size()); };
    for (auto left = 1 + random() % 4; left > 0 && !bytes.empty(); --left) {
        const auto at = place();
        const auto size = std::min<std::size_t>(1 + random() % 32, bytes.size() - at);
        switch (random() % 7) {
            case 0: bytes[at] = static_cast<char>(random()); break;
            case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8)); break;
            case 2: {
                auto number = telling[random() % std::size(telling)];
                for (auto i = std::min<std::size_t>(4, bytes.size() - at); i > 0; --i) {
                    bytes[at + i - 1] = static_cast<char>(number);
                    number >>= 8U;
                }
                break;
            }
            case 3: bytes.insert(place(), bytes.substr(at, size)); break;
            case 4: bytes.erase(at, size); break;
            case 5: bytes.replace(at, size, bytes.substr(place(), size)); break;
            default: bytes.resize(at); break;
        }
    }
}

}  // namespace divan::import
