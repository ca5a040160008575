#include <map>

#include "tools/import/run.h"

namespace divan::import {
namespace {

constexpr std::size_t undone_documents = 10'000;

// Takes away what a run made, some thousand documents at a time.
class Undoing {
public:
    explicit Undoing(Target& target) : target_(target) {}

    void take(Journal::Made made) {
        if (!made.local.empty()) {
            if (auto database = find(made.database)) database->erase_local(made.local);
            return;
        }
        leaves_ += made.document.leaves.size();
        waiting_[made.database].push_back(std::move(made.document));
        if (++waiting_count_ >= undone_documents) purge();
    }

    void put_back(const std::string& name, const LocalDocument& local) {
        const auto database = find(name);
        if (database && !database->read_local(local.id)) database->write_local(local);
    }

    void purge() {
        for (const auto& [name, documents] : waiting_) {
            if (auto database = find(name)) database->purge(documents);
        }
        waiting_.clear();
        waiting_count_ = 0;
    }

    void erase_if_empty(const std::string& name) {
        auto database = find(name);
        if (!database || database->document_count() > 0) return;
        database.reset();
        target_.erase(name);
    }

    std::uint64_t leaves() const { return leaves_; }

private:
    std::unique_ptr<TargetDatabase> find(const std::string& name) {
        return target_.exists(name) ? target_.open_existing(name) : nullptr;
    }

    Target& target_;
    std::map<std::string, std::vector<MissingLeaves>> waiting_;
    std::size_t waiting_count_ = 0;
    std::uint64_t leaves_ = 0;
};

}  // namespace

std::uint64_t roll_back(Target& target, Journal& journal) {
    Undoing undoing(target);
    journal.each_made([&](Journal::Made made) { undoing.take(std::move(made)); });
    undoing.purge();
    journal.each_removed([&](const std::string& name, const LocalDocument& local) {
        undoing.put_back(name, local);
    });
    for (const auto& name : journal.new_databases()) undoing.erase_if_empty(name);
    journal.set_state("rolled back");
    return undoing.leaves();
}

}  // namespace divan::import
