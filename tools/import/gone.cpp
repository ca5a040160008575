#include "tools/import/gone.h"

#include <algorithm>
#include <map>
#include <set>

#include "storage/base/digest.h"
#include "storage/base/json.h"

namespace divan::import {
namespace {

// What CouchDB's replicator and PouchDB write.
bool is_checkpoint(const JsonValue& body) {
    const auto* history = body.is_object() ? body.find("history") : nullptr;
    const auto* session = body.is_object() ? body.find("session_id") : nullptr;
    return history && history->is_array() && session && session->is_string();
}

bool is_checkpoint(const LocalDocument& local) {
    const auto body = parse_json(local.json);
    return body && is_checkpoint(*body);
}

}  // namespace

std::vector<Journal::Brought> gone_databases(const std::vector<Journal::Brought>& brought,
                                             const std::vector<std::string>& names,
                                             const RunOptions& options) {
    const std::set<std::string> there(names.begin(), names.end());
    std::set<std::string> used;
    for (const auto& name : names) used.insert(target_name(name, options));
    std::vector<Journal::Brought> gone;
    for (const auto& one : brought) {
        const bool stands = there.contains(one.name) || used.contains(one.database);
        if (!stands && is_chosen(one.name, options)) gone.push_back(one);
    }
    return gone;
}

std::vector<std::string> left_at(Target& target, const std::string& target_name,
                                 const std::vector<Journal::Brought>& gone) {
    std::vector<std::string> left;
    for (const auto& one : gone) {
        if (one.target == target_name && target.exists(one.database)) left.push_back(one.database);
    }
    return left;
}

Journal::BroughtLocal as_brought(const LocalDocument& at_target) {
    const auto body = parse_json(at_target.json);
    const auto text = body ? body->dump() : at_target.json;
    return {at_target.id, at_target.edits, hex_encode(as_bytes(md5(text)))};
}

void GoneLocals::each(const std::filesystem::path& journals, const std::string& source,
                      const std::string& target_name, const std::string& database,
                      TargetDatabase& target, const std::function<void(Gone)>& visit) const {
    std::map<std::string, bool> gone;  // Whether it is as one of the runs brought it.
    const auto look = [&](const Journal::BroughtLocal& one) {
        if (there_.contains(std::hash<std::string>()(one.id))) return;
        auto& same = gone[one.id];
        if (same) return;
        const auto now = target.read_local(one.id);
        if (!now) {
            gone.erase(one.id);
            return;
        }
        const auto found = as_brought(*now);
        same = found.edits == one.edits && found.digest == one.digest;
    };
    Journal::each_brought_local(journals, source, target_name, database, look);
    for (const auto& [id, same] : gone) {
        auto document = target.read_local(id);
        if (!document) continue;
        const bool outdated = same && is_checkpoint(*document);
        visit({std::move(*document), outdated});
    }
}

}  // namespace divan::import
