#include "tools/import/report.h"

#include <boost/json.hpp>

#include <fmt/format.h>

namespace divan::import {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& list) {
    json::array array;
    for (const auto& text : list) array.emplace_back(text);
    return array;
}

json::array failures_json(const std::vector<Failure>& failures) {
    json::array list;
    for (const auto& failure : failures) {
        list.push_back(json::object{{"what", failure.what}, {"reason", failure.reason}});
    }
    return list;
}

json::object settings_json(const SettingsReport& settings) {
    return {{"carried", texts(settings.carried)},
            {"kept", texts(settings.kept)},
            {"refused", texts(settings.refused)},
            {"left", texts(settings.left)},
            {"identity_taken", settings.identity_taken}};
}

std::string megabytes(std::uint64_t bytes) {
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::string gone_text(const DatabaseReport& one) {
    std::string text;
    if (one.checkpoints_removed > 0) {
        text += fmt::format("  {} checkpoints of clients removed that the source no longer has\n",
                            one.checkpoints_removed);
    }
    if (one.locals_left_count == 0) return text;
    text += fmt::format("  {} local documents that the source no longer has stay here until you "
                        "delete them:",
                        one.locals_left_count);
    for (const auto& id : one.locals_left) text += " " + id;
    return text + (one.locals_left_count > one.locals_left.size() ? " …\n" : "\n");
}

}  // namespace

std::string plan_json(const std::vector<Inventory>& databases,
                      const std::vector<std::string>& remarks, const SettingsReport& settings) {
    json::array list;
    for (const auto& one : databases) {
        list.push_back(json::object{{"name", one.name},
                                    {"partitioned", one.partitioned},
                                    {"documents", one.documents},
                                    {"deleted", one.deleted},
                                    {"conflicts", one.conflicts},
                                    {"design_documents", one.designs},
                                    {"local_documents", one.locals},
                                    {"purges", one.purges},
                                    {"attachments", one.attachments},
                                    {"attachment_bytes", one.attachment_bytes},
                                    {"body_bytes", one.body_bytes},
                                    {"unreadable", one.failures},
                                    {"remarks", texts(one.remarks)}});
    }
    return json::serialize(json::object{{"databases", list},
                                        {"remarks", texts(remarks)},
                                        {"settings", settings_json(settings)},
                                        {"estimated_seconds", estimated_seconds(databases)}});
}

std::string plan_text(const std::vector<Inventory>& databases,
                      const std::vector<std::string>& remarks, const SettingsReport& settings) {
    auto text = fmt::format("{:<40} {:>10} {:>8} {:>9} {:>11} {:>12} {:>12}\n", "database",
                            "documents", "deleted", "conflicts", "attachments", "bodies",
                            "attached");
    for (const auto& one : databases) {
        text += fmt::format("{:<40} {:>10} {:>8} {:>9} {:>11} {:>12} {:>12}\n", one.name,
                            one.documents, one.deleted, one.conflicts, one.attachments,
                            megabytes(one.body_bytes), megabytes(one.attachment_bytes));
    }
    for (const auto& remark : remarks) text += "note: " + remark + "\n";
    for (const auto& one : databases) {
        for (const auto& remark : one.remarks) text += "note: " + one.name + ": " + remark + "\n";
    }
    text += settings_text(settings);
    text += fmt::format("An import takes about {:.0f} s.\n", estimated_seconds(databases) + 1);
    return text;
}

std::string run_json(const Journal::Head& run, const RunReport& report) {
    json::array list;
    for (const auto& one : report.databases) {
        list.push_back(json::object{{"name", one.name},
                                    {"target", one.target},
                                    {"made", one.made},
                                    {"documents", one.documents},
                                    {"leaves", one.leaves},
                                    {"created", one.created},
                                    {"skipped", one.skipped},
                                    {"attachments", one.attachments},
                                    {"bytes", one.bytes},
                                    {"local_documents", one.locals},
                                    {"purges", one.purges},
                                    {"checkpoints_removed", one.checkpoints_removed},
                                    {"local_documents_left", one.locals_left_count},
                                    {"failure_count", one.failure_count},
                                    {"failures", failures_json(one.failures)},
                                    {"error", one.error}});
    }
    return json::serialize(json::object{{"id", run.id},
                                        {"source", run.source},
                                        {"target", run.target},
                                        {"started", run.started},
                                        {"state", run.state},
                                        {"too_many_failures", report.too_many_failures},
                                        {"settings", settings_json(report.settings)},
                                        {"left_databases", texts(report.left_databases)},
                                        {"databases", list}});
}

std::string run_text(const Journal::Head& run, const RunReport& report) {
    auto text = fmt::format("Import {}: {}\n", run.id, run.state);
    for (const auto& one : report.databases) {
        text += fmt::format("{} -> {}: {} documents, {} leaves ({} new), {} attachments, {}\n",
                            one.name, one.target, one.documents, one.leaves, one.created,
                            one.attachments, megabytes(one.bytes));
        if (one.skipped > 0) text += fmt::format("  {} documents left alone\n", one.skipped);
        text += gone_text(one);
        if (!one.error.empty()) text += "  ended early: " + one.error + "\n";
        for (const auto& failure : one.failures) {
            text += "  failed: " + failure.what + ": " + failure.reason + "\n";
        }
        if (one.failure_count > one.failures.size()) {
            text += fmt::format("  and {} more failures, in failures.jsonl\n",
                                one.failure_count - one.failures.size());
        }
    }
    for (const auto& name : report.left_databases) {
        text += name + ": the source no longer has this database; it stays here until you delete "
                       "it\n";
    }
    text += settings_text(report.settings);
    if (report.too_many_failures) text += "Ended: more failures than --max-failures allows.\n";
    return text;
}

}  // namespace divan::import
