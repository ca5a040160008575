#include "tools/import/plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "auth/permissions.h"
#include "storage/base/json.h"
#include "storage/database/catalog.h"
#include "storage/document/client_document.h"
#include "tools/import/paused_replications.h"

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
        if (live > 0 && document.id.starts_with("_design/")) {
            judge_design(document);
        } else if (live > 0 && inventory_.name == "_users") {
            judge_user(document);
        } else if (live > 0 && is_replicator_database(inventory_.name)) {
            ++replications_;
        }
        const auto valid = storage::validate_document_id(document.id);
        if (!valid) remark(document.id + ": " + valid.error().reason);
    }

    void judge_database(const DatabaseInfo& info) {
        if (is_replicator_database(info.name) && replications_ > 0) {
            remark(fmt::format("{} replications arrive paused", replications_));
        }
        if (info.security.empty()) {
            remark("never had a _security: server admins only may use it, until one is put");
        } else if (const auto valid = auth::validate_security(info.security); !valid) {
            remark("its _security is not carried over: " + valid.error().reason);
        }
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

    // What would keep this user from signing in.
    void judge_user(const Document& document) {
        constexpr std::string_view prefix = "org.couchdb.user:";
        const std::string_view id = document.id;
        if (!id.starts_with(prefix)) return remark(document.id + ": is no user's document");
        for (const auto& leaf : document.leaves) {
            const auto body = parse_json(leaf.json);
            if (leaf.deleted || !body) continue;
            const auto* name = body->find("name");
            const bool named = name && name->is_string() &&
                               name->string() == id.substr(prefix.size());
            if (!named) remark(document.id + ": its name is another one; it cannot sign in");
            const auto* scheme = body->find("password_scheme");
            const auto known = scheme && scheme->is_string() ? scheme->string() : "simple";
            if (known != "pbkdf2" && known != "simple" && known != "bcrypt") {
                remark(document.id + ": its password is kept in an unknown way, " + known);
            }
        }
    }

    Inventory& inventory_;
    std::uint64_t replications_ = 0;
};

}  // namespace

Inventory take_inventory(SourceDatabase& database) {
    Inventory inventory;
    inventory.name = database.info().name;
    inventory.partitioned = database.info().partitioned;
    Counting counting(inventory);
    const auto name = storage::validate_database_name(inventory.name);
    if (!name) counting.remark("this name is not allowed: import it with --rename");
    for (auto& one : database.remarks()) counting.remark(std::move(one));
    const auto failed = [&](const Failure& failure) {
        ++inventory.failures;
        counting.remark(failure.what + ": " + failure.reason);
    };
    for (std::size_t part = 0; part < database.parts(); ++part) {
        database.documents(part, {}, [&](const Document& document) { counting.add(document); },
                           failed);
    }
    database.locals([&](const LocalDocument&) { ++inventory.locals; }, failed);
    database.purges([&](const Purge&) { ++inventory.purges; }, failed);
    counting.judge_database(database.info());
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
