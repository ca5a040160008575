#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "storage/base/json.h"
#include "storage/query/js/functions.h"
#include "storage/query/js/worker_pool.h"

namespace divan::storage::js {

/// A pool of real workers, and short ways to say what a test needs of it.
struct JsFixture {
    static WorkerSettings default_settings() {
        WorkerSettings settings;
        settings.processes_max = 2;
        settings.time_limit = std::chrono::seconds(30);
        settings.heap_bytes = std::size_t{64} << 20;
        return settings;
    }

    WorkerSettings settings = default_settings();
    WorkerPool pool{DIVAN_JS, [this] { return settings; }};

    std::shared_ptr<Functions> design(const std::string& members,
                                      const std::string& database = "db",
                                      const std::string& revision = "1-a") {
        return pool.functions({database, "_design/d", revision,
                               fmt::format(R"({{"_id":"_design/d","_rev":"{}"{}}})", revision,
                                           members.empty() ? "" : "," + members)});
    }

    /// A member `"section":{"name":"source"}`.
    static std::string function(const std::string& section, const std::string& name,
                                const std::string& source) {
        return json_string(section) + ":{" + json_string(name) + ":" + json_string(source) + "}";
    }

    /// What a map function emits for one document: "key value" and so on.
    std::string mapped(const std::string& source, const std::string& document = R"({"_id":"a"})",
                       const std::string& members = "") {
        const std::vector<std::string> functions = {source};
        const std::vector<BytesView> documents = {document};
        const auto result = design(members)->map(functions, documents);
        if (result.has_error()) return told(result.error());
        std::string text;
        for (const auto& row : result->rows(0, 0)) {
            text += fmt::format("{}{} {}", text.empty() ? "" : "; ", row.key, row.value);
        }
        return text;
    }

    static std::string told(const Error& error) {
        return fmt::format("{}: {}", error.name.empty() ? "?" : error.name, error.reason);
    }
};

}  // namespace divan::storage::js
