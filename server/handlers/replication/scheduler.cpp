#include "server/handlers/replication/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "replication/job_views.h"
#include "replication/replicator.h"
#include "server/handlers/documents/document_query.h"
#include "server/handlers/node/node_name.h"

namespace divan::server {
namespace {

constexpr std::uint64_t jobs_shown = 100;

Refused bad_query(std::string reason) {
    return Refused(Code::query_parse_error, std::move(reason));
}

// couch_replicator_httpd_util:parse_int_param/5
std::uint64_t whole_number(const Request& request, std::string_view name,
                           std::uint64_t otherwise) {
    const auto* text = first_parameter(request, name);
    if (!text) return otherwise;
    std::int64_t number = 0;
    const auto* end = text->data() + text->size();
    const auto* begin = text->data() + std::size_t(text->starts_with('+'));
    const auto [stopped, error] = std::from_chars(begin, end, number);
    if (error == std::errc::invalid_argument || stopped != end) {
        throw bad_query(fmt::format("{} must be an integer", name));
    }
    if (error == std::errc() && number < 0) {
        throw bad_query(fmt::format("{} not in range of [0,infinity]", name));
    }
    return error == std::errc() ? static_cast<std::uint64_t>(number) : UINT64_MAX;
}

constexpr std::string_view states[] = {"initializing", "error",     "running", "pending",
                                       "crashing",     "completed", "failed"};

}  // namespace

Task<Response> get_scheduler_jobs(Call& call) {
    const auto limit = whole_number(call.request, "limit", jobs_shown);
    const auto skip = whole_number(call.request, "skip", 0);
    const auto jobs = call.services.replicator->scheduler().jobs();
    const auto offset = std::min<std::uint64_t>(skip, jobs.size());
    const auto end = offset + std::min<std::uint64_t>(limit, jobs.size() - offset);
    std::string body =
        fmt::format(R"({{"total_rows":{},"offset":{},"jobs":[)", jobs.size(), offset);
    for (auto i = offset; i < end; ++i) {
        if (i > offset) body += ',';
        body += replication::job_json(jobs[i], node_name);
    }
    co_return json_response(200, body + "]}\n");
}

Task<Response> get_scheduler_job(Call& call) {
    // A "+" in a path was read as a space.
    auto id = call.path("id");
    std::replace(id.begin(), id.end(), ' ', '+');
    const auto job = call.services.replicator->scheduler().job(id);
    if (!job) co_return refusal(Code::not_found, "missing");
    co_return json_response(200, replication::job_json(*job, node_name) + "\n");
}

Task<Response> get_no_scheduler(Call&) {
    co_return json_response(404, "{\"error\":\"not found\"}\n");
}

std::optional<SchedulerDocsPath> parse_scheduler_docs_path(
    const std::vector<std::string>& parts) {
    using replication::holds_replications;
    if (parts.empty()) return SchedulerDocsPath{"_replicator", std::nullopt};
    if (holds_replications(parts[0]) && parts.size() <= 2) {
        if (parts.size() == 1) return SchedulerDocsPath{parts[0], std::nullopt};
        return SchedulerDocsPath{parts[0], parts[1]};
    }
    const auto last = std::find(parts.begin(), parts.end(), "_replicator");
    const auto after = parts.end() - last;
    if (last == parts.end() || last == parts.begin() || after > 2) return std::nullopt;
    SchedulerDocsPath path;
    for (auto part = parts.begin(); part != last; ++part) path.database += *part + "/";
    path.database += "_replicator";
    if (after == 2) path.id = parts.back();
    return path;
}

std::vector<std::string> parse_replication_states(const std::string* parameter) {
    std::vector<std::string> wanted;
    std::string_view rest = parameter ? std::string_view(*parameter) : std::string_view();
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        std::string state(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (state.empty()) continue;
        for (char& c : state) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        }
        if (std::find(std::begin(states), std::end(states), state) == std::end(states)) {
            throw bad_query(fmt::format("States must be one or more of [{}]",
                                        fmt::join(std::begin(states), std::end(states), ",")));
        }
        wanted.push_back(std::move(state));
    }
    return wanted;
}

}  // namespace divan::server
