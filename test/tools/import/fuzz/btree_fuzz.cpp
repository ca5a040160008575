// Strategy: any bytes as a database file; and as the one node of an index, with its checksum.
// Invariants: it is read or refused; no file sends the walk in circles.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "storage/base/bytes.h"
#include "storage/base/digest.h"
#include "test/tools/import/fuzz/memory_file.h"
#include "test/tools/import/fuzz/read_all.h"
#include "tools/import/couch_file/btree.h"

using namespace divan;
using namespace divan::import;

namespace {

void walk(const MemoryFile& memory, std::string_view node) {
    std::string bytes(1, '\0');
    ByteWriter(bytes).u32(static_cast<std::uint32_t>(node.size()) | 1U << 31);
    bytes.append(as_bytes(md5(node))).append(node);
    for (std::size_t at = 4096; at < bytes.size(); at += 4096) bytes.insert(at, 1, '\0');
    memory.replace(bytes);
    const BlockFile file(memory.path());
    // A snappy node may be larger than its bytes, but not by more than this.
    const auto size_max = node.size() * 66'000;
    const auto visit = [size_max](const Term& key, const Term& value) {
        if (key.binary().size() + value.bytes.size() > size_max) std::abort();
    };
    walk_tree(file, 0, visit, [](const std::string&) {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const MemoryFile memory;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    memory.replace(bytes);
    read_all(memory.path());
    if (!bytes.empty()) walk(memory, bytes);
    return 0;
}
