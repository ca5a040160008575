#include "server/handlers/databases/shards.h"

#include <fmt/format.h>

#include "server/handlers/node/node_name.h"

namespace divan::server {
namespace {

constexpr std::uint64_t hashes = std::uint64_t{1} << 32U;
constexpr std::uint64_t shards_shown_max = 1024;  ///< `q` is what somebody sent.

// As if the space of hashes were cut into `q` parts.
std::string shards_json(std::uint64_t count) {
    std::string text = "{\"shards\":{";
    for (std::uint64_t i = 0; i < count; ++i) {
        text += fmt::format(R"({}"{:08x}-{:08x}":["{}"])", i == 0 ? "" : ",", hashes * i / count,
                            hashes * (i + 1) / count - 1, node_name);
    }
    return text + "}}\n";
}

}  // namespace

Task<Response> get_shards(Call& call) {
    const std::uint64_t count = call.db().entry().shards;
    co_return json_response(200, shards_json(count > shards_shown_max ? 1 : count));
}

Task<Response> get_document_shard(Call&) {
    co_return json_response(
        200, fmt::format("{{\"range\":\"00000000-ffffffff\",\"nodes\":[\"{}\"]}}\n", node_name));
}

Task<Response> post_sync_shards(Call&) {
    co_return ok_response(202);
}

Task<Response> get_temporary_view(Call&) {
    co_return json_response(
        410,
        "{\"error\":\"gone\",\"reason\":\"Temporary views are not supported in CouchDB\"}\n");
}

}  // namespace divan::server
