#include "server/handlers/changes/global_changes.h"

#include <algorithm>
#include <chrono>

#include "storage/base/log.h"
#include "storage/database/read_view.h"

namespace divan::server {
namespace {

constexpr std::int64_t write_delay_ms = 500;
constexpr std::int64_t write_delay_ms_max = 60'000;

std::string_view event_name(storage::DatabaseEvent event) {
    switch (event) {
        case storage::DatabaseEvent::created: return "created:";
        case storage::DatabaseEvent::updated: return "updated:";
        case storage::DatabaseEvent::deleted: return "deleted:";
    }
    return {};
}

// Each event is an edit of its document that changes nothing but its revision, and so its place in
// the changes feed.
storage::Edit make_event_edit(const storage::ReadView& view, const std::string& id) {
    auto document = storage::parse_client_document("{}").value();
    document.id = id;
    const auto head = view.head(id);
    if (head && !head->deleted) document.revision = head->winner;
    return storage::make_edit(std::move(document), true).value();
}

}  // namespace

std::string global_changes_name(const Config& config) {
    return config.get("global_changes", "dbname", "_global_changes");
}

GlobalChanges::GlobalChanges(storage::Catalog& catalog, const Config& config)
    : catalog_(catalog),
      config_(config),
      name_(global_changes_name(config)),
      recording_(catalog.exists(name_)) {
    thread_ = std::thread([this] { run(); });
    catalog_.on_event([this](storage::DatabaseEvent event, const std::string& name) {
        note(event, name);
    });
}

GlobalChanges::~GlobalChanges() {
    catalog_.on_event({});
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void GlobalChanges::note(storage::DatabaseEvent event, const std::string& name) {
    if (name == name_) {
        if (event == storage::DatabaseEvent::created) recording_ = true;
        if (event == storage::DatabaseEvent::deleted) recording_ = false;
        return;
    }
    if (!recording_.load(std::memory_order_relaxed)) return;
    std::string id(event_name(event));
    id += name;
    const std::lock_guard lock(mutex_);
    const bool first = waiting_.empty();
    waiting_.insert(std::move(id));
    if (first) wake_.notify_all();
}

void GlobalChanges::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const auto delay = std::chrono::milliseconds(
            std::clamp<std::int64_t>(
                config_.get_integer("global_changes", "max_write_delay", write_delay_ms), 0,
                write_delay_ms_max));
        wake_.wait_for(lock, delay, [this] { return stopping_; });
        std::set<std::string> events;
        events.swap(waiting_);
        lock.unlock();
        write(events);
        lock.lock();
    }
}

void GlobalChanges::write(const std::set<std::string>& events) {
    if (!config_.get_bool("global_changes", "update_db", true)) return;
    try {
        const auto database = catalog_.open(name_);
        if (!database) return;
        const auto view = database->view();
        std::vector<storage::Edit> edits;
        edits.reserve(events.size());
        for (const auto& id : events) edits.push_back(make_event_edit(*view, id));
        for (const auto& outcome : database->writer().write(std::move(edits)).value()) {
            if (outcome.has_error()) log(LogLevel::warning, "_global_changes: a write conflicted");
        }
    } catch (const std::exception& failure) {
        log(LogLevel::error, std::string("_global_changes was not written: ") + failure.what());
    }
}

}  // namespace divan::server
