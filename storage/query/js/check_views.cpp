#include "storage/query/js/check_views.h"

#include <fmt/format.h>

#include <vector>

#include "storage/base/crypto.h"
#include "storage/base/json.h"
#include "storage/query/js/worker_pool.h"

namespace divan::storage::js {
namespace {

struct Source {
    std::string_view kind;  ///< "map" or "reduce".
    std::string_view view;
    const std::string& text;
};

const JsonValue* string_member(const JsonValue& object, std::string_view key) {
    const auto* member = object.find(key);
    return member != nullptr && member->is_string() ? member : nullptr;
}

/// Built-in reductions are no JavaScript.
std::vector<Source> sources(const JsonValue& design) {
    std::vector<Source> found;
    const auto* views = design.find("views");
    if (views == nullptr) return found;
    for (const auto& [name, view] : views->members()) {
        const auto* map = string_member(view, "map");
        if (map == nullptr) continue;
        found.push_back({"map", name, map->string()});
        const auto* reduce = string_member(view, "reduce");
        if (reduce == nullptr || reduce->string().starts_with('_')) continue;
        found.push_back({"reduce", name, reduce->string()});
    }
    return found;
}

/// couch_query_servers:try_compile/4.
Error named_after_view(Error error, const Source& source) {
    if (error.name == "compilation_error") {
        error = {Code::compilation_error,
                 fmt::format("Compilation of the {} function in the '{}' view failed: {}",
                             source.kind, source.view, error.reason),
                 {}};
    }
    return error;
}

}  // namespace

Result<void> check_views(WorkerPool& pool, std::string_view database, BytesView body) {
    const auto design = parse_json(body);
    if (design.has_error()) return design.error();
    const auto* language = design->find("language");
    if (language != nullptr && language->string() != "javascript") return {};
    const auto all = sources(*design);
    if (all.empty()) return {};
    const Design scratch{std::string(database), "a new design document", {}, Bytes(body)};
    const Bytes context = sha256(body);
    for (const auto& source : all) {
        try {
            auto lease = pool.lease(scratch, context);
            FrameWriter request(Request::compile);
            request.fields().raw(context);
            request.fields().sized(source.text);
            lease.ask(request);
        } catch (const Refused& refused) {
            return named_after_view(refused.error(), source);
        } catch (const WorkerFailed& failed) {
            return Error{Code::compilation_error,
                         fmt::format("Compilation of the {} function in the '{}' view failed: {}",
                                     source.kind, source.view, failed.what()),
                         {}};
        }
    }
    return {};
}

}  // namespace divan::storage::js
