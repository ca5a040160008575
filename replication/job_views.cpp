#include "replication/job_views.h"

#include <fmt/format.h>

#include "storage/base/json.h"

namespace divan::replication {
namespace {

// Sequences are opaque, and shown as strings whatever they are (seq_encode/1).
std::string sequence_json(const std::string& sequence) {
    return sequence.starts_with('"') ? sequence : json_string(sequence);
}

std::string or_null(const std::string& text) {
    return text.empty() ? "null" : json_string(text);
}

std::string pid(const JobInfo& job) {
    return fmt::format("\"<0.{}.2>\"", job.run_number);
}

// couch_replicator_scheduler_job:rep_stats/1, without the braces.
std::string stats(const JobProgress& progress, bool completed) {
    const auto& counts = progress.counts;
    const bool known = progress.changes_pending && !completed;
    return fmt::format(
        R"("revisions_checked":{},"missing_revisions_found":{},"docs_read":{},"docs_written":{},)"
        R"("changes_pending":{},"doc_write_failures":{},"bulk_get_docs":{},)"
        R"("bulk_get_attempts":{},"checkpointed_source_seq":{})",
        counts.revisions_checked, counts.missing_revisions_found, counts.docs_read,
        counts.docs_written, known ? std::to_string(*progress.changes_pending) : "null",
        counts.doc_write_failures, counts.bulk_get_docs, counts.bulk_get_attempts,
        sequence_json(progress.checkpointed_source_seq));
}

std::string info_json(const std::optional<JobProgress>& progress) {
    if (!progress) return "null";
    return fmt::format(R"({{{},"source_seq":{},"through_seq":{}}})", stats(*progress, false),
                       sequence_json(progress->source_seq), sequence_json(progress->through_seq));
}

std::string_view event_name(JobEvent::Type type) {
    switch (type) {
        case JobEvent::Type::added: return "added";
        case JobEvent::Type::started: return "started";
        case JobEvent::Type::stopped: return "stopped";
        case JobEvent::Type::crashed: return "crashed";
    }
    return {};
}

std::string history_json(const JobHistory& history) {
    std::string json = "[";
    for (const auto& event : history.events()) {
        if (json.size() > 1) json += ',';
        json += fmt::format(R"({{"timestamp":"{}","type":"{}")", iso_time(event.time),
                            event_name(event.type));
        if (event.type == JobEvent::Type::crashed) {
            json += ",\"reason\":" + json_string(event.reason);
        }
        json += '}';
    }
    return json + "]";
}

// couch_util:url_strip_password/1
std::string proxy_json(const std::string& proxy) {
    if (proxy.empty()) return "null";
    const auto start = proxy.find("://") + 3;
    const auto at = proxy.find('@', start);
    const auto colon = proxy.find(':', start);
    if (at == std::string::npos || colon > at) return json_string(proxy);
    return json_string(proxy.substr(0, colon) + ":*****" + proxy.substr(at));
}

const std::string& last_crash(const JobHistory& history) {
    static const std::string none;
    for (const auto& event : history.events()) {
        if (event.type == JobEvent::Type::crashed) return event.reason;
    }
    return none;
}

}  // namespace

std::string job_json(const JobInfo& job, std::string_view node) {
    const auto& asked = job.request->replication;
    return fmt::format(
        R"({{"database":{},"id":{},"pid":{},"source":{},"target":{},"user":{},"doc_id":{},)"
        R"("info":{},"history":{},"node":"{}","start_time":"{}"}})",
        or_null(asked.database), json_string(job.request->id.full()),
        job.running ? pid(job) : "null", json_string(asked.source.url),
        json_string(asked.target.url), or_null(asked.user.name), or_null(asked.doc_id),
        info_json(job.progress), history_json(job.history), node,
        iso_time(job.request->start_time));
}

std::string task_json(const JobInfo& job, std::string_view node) {
    const auto& asked = job.request->replication;
    const auto& progress = *job.progress;
    const auto interval = asked.tuning.use_checkpoints
                              ? std::to_string(asked.tuning.checkpoint_interval.count())
                              : std::string("null");
    return fmt::format(
        R"({{"node":"{}","pid":{},"process_status":"waiting",{},"checkpoint_interval":{},)"
        R"("continuous":{},"database":{},"doc_id":{},"replication_id":{},"source":{},)"
        R"("source_seq":{},"started_on":{},"target":{},"through_seq":{},"type":"replication",)"
        R"("updated_on":{},"user":{}}})",
        node, pid(job), stats(progress, false), interval, asked.continuous,
        or_null(asked.database), or_null(asked.doc_id), json_string(job.request->id.full()),
        json_string(asked.source.url), sequence_json(progress.source_seq), progress.started_on,
        json_string(asked.target.url), sequence_json(progress.through_seq), progress.updated_on,
        or_null(asked.user.name));
}

std::string document_job_json(const JobInfo& job, std::string_view node) {
    const auto& asked = job.request->replication;
    const auto state = job.state();
    const auto info = state == "crashing"
                          ? "{\"error\":" + json_string(last_crash(job.history)) + "}"
                          : info_json(job.progress);
    return fmt::format(
        R"({{"database":{},"doc_id":{},"id":{},"node":"{}","source":{},"target":{},"state":"{}",)"
        R"("info":{},"error_count":{},"last_updated":"{}","start_time":"{}","source_proxy":{},)"
        R"("target_proxy":{}}})",
        json_string(asked.database), json_string(asked.doc_id),
        json_string(job.request->id.full()), node, json_string(asked.source.url),
        json_string(asked.target.url), state, info, job.crashes,
        iso_time(job.history.events().front().time), iso_time(job.request->start_time),
        proxy_json(asked.source.proxy), proxy_json(asked.target.proxy));
}

std::string completed_stats_json(const JobInfo& job) {
    return fmt::format(R"({{{},"start_time":"{}"}})",
                       stats(job.progress.value_or(JobProgress()), true),
                       iso_time(job.request->start_time));
}

}  // namespace divan::replication
