// Strategy: any bytes as a term, as a tree and as JSON.
// Invariants: a term, or `Damage`; JSON that comes out is JSON, and unchanged by being read again
// where it says so.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "storage/base/json.h"
#include "storage/document/client_document.h"
#include "tools/import/couch_file/damage.h"
#include "tools/import/couch_file/revision_forest.h"

using namespace divan;
using namespace divan::import;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try {
        const auto term = parse_term(bytes);
        leaves_of(term);
    } catch (const Damage&) {
    }
    try {
        bool normal = false;
        const auto json = json_of_term(bytes.substr(bytes.empty() ? 0 : 1), &normal);
        if (normal) {
            const auto again = storage::parse_client_document(json);
            if (!again || again->body != json) std::abort();
        }
        // Text that is deeper than documents may be is refused; anything else would be a bug.
        if (json.size() < 4096 && !parse_json("[" + json + "]")) {
            int depth = 0, deepest = 0;
            for (const char c : json) {
                depth += (c == '[' || c == '{') - (c == ']' || c == '}');
                deepest = std::max(deepest, depth);
            }
            if (deepest < 500) std::abort();
        }
    } catch (const Damage&) {
    }
    return 0;
}
