#include "tools/import/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "storage/base/json.h"
#include "storage/database/catalog.h"
#include "storage/document/client_document.h"

namespace divan::import {
namespace {

constexpr std::size_t remarks_max = 100;
constexpr std::uint64_t large_document_bytes = 8'000'000;  // [couchdb] max_document_size
// Measured on two cores with small documents and 8 MB attachments; rounded down.
constexpr double documents_per_second = 20'000;
constexpr double bytes_per_second = 50e6;

class Counting {
public:
    explicit Counting(Inventory& inventory) : inventory_(inventory) {}

    void add(const Document& document) {
        std::uint64_t live = 0;
        for (const auto& leaf : document.leaves) {
            if (!leaf.deleted) ++live;
            count(document, leaf);
        }
        ++(live > 0 ? inventory_.documents : inventory_.deleted);
        if (live > 1) ++inventory_.conflicts;
        if (live > 0 && document.id.starts_with("_design/")) judge_design(document);
        const auto valid = storage::validate_document_id(document.id);
        if (!valid) remark(document.id + ": " + valid.error().reason);
    }

    void remark(std::string text) {
        if (inventory_.remarks.size() < remarks_max) {
            inventory_.remarks.push_back(std::move(text));
        }
    }

private:
    void count(const Document& document, const Leaf& leaf) {
        inventory_.body_bytes += leaf.json.size();
        if (leaf.json.size() > large_document_bytes) {
            remark(fmt::format("{}: {} bytes of JSON, more than max_document_size allows clients",
                               document.id, leaf.json.size()));
        }
        for (const auto& attachment : leaf.attachments) {
            ++inventory_.attachments;
            inventory_.attachment_bytes += attachment.stored_length;
        }
    }

    void judge_design(const Document& document) {
        ++inventory_.designs;
        for (const auto& leaf : document.leaves) {
            const auto body = parse_json(leaf.json);
            if (leaf.deleted || !body) continue;
            const auto* language = body->find("language");
            const bool known = !language || !language->is_string() ||
                               language->string() == "javascript" ||
                               language->string() == "query";
            if (!known) {
                remark(fmt::format("{}: written in {}; its functions will not run", document.id,
                                   language->string()));
            }
            for (const auto* indexes : {"indexes", "nouveau", "st_indexes"}) {
                if (body->find(indexes)) {
                    remark(fmt::format("{}: has {}, which are not served", document.id, indexes));
                }
            }
        }
    }

    Inventory& inventory_;
};

}  // namespace

Inventory take_inventory(SourceDatabase& database) {
    Inventory inventory;
    inventory.name = database.info().name;
    inventory.partitioned = database.info().partitioned;
    Counting counting(inventory);
    const auto name = storage::validate_database_name(inventory.name);
    if (!name) counting.remark("this name is not allowed: import it with --rename");
    const auto failed = [&](const Failure& failure) {
        ++inventory.failures;
        counting.remark(failure.what + ": " + failure.reason);
    };
    for (std::size_t part = 0; part < database.parts(); ++part) {
        database.documents(part, {}, [&](const Document& document) { counting.add(document); },
                           failed);
    }
    database.locals([&](const LocalDocument&) { ++inventory.locals; }, failed);
    return inventory;
}

double estimated_seconds(const std::vector<Inventory>& databases) {
    double documents = 0;
    double bytes = 0;
    for (const auto& one : databases) {
        documents += static_cast<double>(one.documents + one.deleted);
        bytes += static_cast<double>(one.body_bytes + one.attachment_bytes);
    }
    return documents / documents_per_second + bytes / bytes_per_second;
}

}  // namespace divan::import
