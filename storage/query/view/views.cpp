#include "storage/query/view/views.h"

#include "storage/base/log.h"
#include "storage/database/all_docs.h"
#include "storage/database/document_text.h"
#include "storage/database/read_view.h"

namespace divan::storage {
namespace {

constexpr std::size_t known_max = 500;

}  // namespace

OpenViews Views::open(const std::shared_ptr<Database>& database, std::string_view design) {
    OpenViews open;
    auto known = this->known(*database, design);
    open.group = std::move(known.group);
    open.previous = std::move(known.previous);
    open.index = indexes_.open(database, open.group->definition);
    return open;
}

Views::Known Views::known(Database& database, std::string_view design) {
    const auto view = database.view();
    const auto head = view->head(design);
    if (!head) throw Refused(Code::not_found, "missing");
    if (head->deleted) throw Refused(Code::not_found, "deleted");
    const Key key{database.id(), std::string(design)};
    const auto revision = to_string(head->winner);
    {
        const std::lock_guard lock(mutex_);
        const auto found = known_.find(key);
        if (found != known_.end() && found->second.first.revision == revision) {
            recent_.splice(recent_.begin(), recent_, found->second.second);
            return found->second.first;
        }
    }
    const auto body = view->body(design, head->winner);
    if (!body) throw CorruptBytes();
    js::Design source{database.name(), std::string(design), revision, {}};
    append_document(source.body, *view, design, head->winner, *body, nullptr, {});
    return remember(
        key, {revision, make_view_group(source, database.entry().partitioned, environment_), {}});
}

Views::Known Views::remember(Key key, Known known) {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) {
        const auto& before = found->second.first;
        const bool same = before.group->definition->signature == known.group->definition->signature;
        known.previous = same ? before.previous : before.group;
        return found->second.first = std::move(known);
    }
    recent_.push_front(key);
    known_.emplace(std::move(key), std::pair{known, recent_.begin()});
    if (known_.size() > known_max) {
        known_.erase(recent_.back());
        recent_.pop_back();
    }
    return known;
}

void Views::clean_up(const std::shared_ptr<Database>& database) {
    std::set<std::string> used;
    IdRange designs;
    designs.design_only = true;
    AllDocsScan scan(database->view(), designs);
    while (const auto* row = scan.next()) {
        try {
            used.insert(known(*database, row->id).group->definition->name());
        } catch (const Refused& refused) {  // It has no index then.
            log(LogLevel::warning, "views of " + database->name() + " " + std::string(row->id) +
                                       ": " + refused.error().reason);
        }
    }
    indexes_.clean_up(*database, IndexDefinition::Kind::view, used);
}

}  // namespace divan::storage
