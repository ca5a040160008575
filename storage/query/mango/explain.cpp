#include "storage/query/mango/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "storage/query/mango/key_range.h"

namespace divan::storage::mango {
namespace {

void append_strings(std::string& out, const std::vector<std::string>& strings) {
    out.push_back('[');
    for (std::size_t i = 0; i < strings.size(); ++i) {
        if (i > 0) out.push_back(',');
        append_json_string(out, strings[i]);
    }
    out.push_back(']');
}

void append_options(std::string& out, const FindOptions& options) {
    out += "{\"use_index\":";
    append_strings(out, options.use_index);
    out += fmt::format(",\"bookmark\":{},\"limit\":{},\"skip\":{},\"sort\":",
                       json_string(options.bookmark.value_or("nil")), options.limit, options.skip);
    append_sort_object(out, options.sort);
    out += ",\"fields\":";
    append_strings(out, options.fields.names());
    out += fmt::format(R"(,"partition":{},"r":{},"conflicts":{},"stale":{},"update":{},)"
                       R"("stable":{},"execution_stats":{},"allow_fallback":{}}})",
                       json_string(options.partition), options.r, options.conflicts,
                       options.stale ? "\"ok\"" : "false", options.update, options.stable,
                       options.execution_stats, options.allow_fallback);
}

/// How candidates that were not chosen are ranked: those that came further are nearer to the
/// chosen one. mango_cursor:extract_candidate_indexes/1.
struct Ranks {
    std::size_t unfavored, excluded, unusable, out_of_scope, partial;
};

bool is_unfavored(const Candidate& candidate) {
    return candidate.allowed && !candidate.of_type;
}
bool is_excluded(const Candidate& candidate) {
    return candidate.usable && !candidate.allowed;
}
bool is_unusable(const Candidate& candidate) {
    return candidate.in_scope && !candidate.usable;
}
bool is_out_of_scope(const Candidate& candidate) {
    return candidate.global && !candidate.in_scope;
}

Ranks ranks_of(const std::vector<Candidate>& candidates) {
    const auto any = [&](auto is) -> std::size_t {
        return std::any_of(candidates.begin(), candidates.end(), is) ? 1 : 0;
    };
    const auto of_type = static_cast<std::size_t>(
        std::count_if(candidates.begin(), candidates.end(),
                      [](const Candidate& candidate) { return candidate.of_type; }));
    Ranks ranks{};
    ranks.unfavored = std::max<std::size_t>(1, of_type);
    ranks.excluded = ranks.unfavored + any(is_unfavored);
    ranks.unusable = ranks.excluded + any(is_excluded);
    ranks.out_of_scope = ranks.unusable + any(is_unusable);
    ranks.partial = ranks.out_of_scope + any(is_out_of_scope);
    return ranks;
}

/// What is said of a candidate. It may have failed more than one test: ranks then add up, and the
/// first reason counts.
struct Verdict {
    bool usable = true;
    std::string reason;
    std::size_t rank = 0;

    void add(bool also_usable, std::string_view why, std::size_t ranking) {
        usable = usable && also_usable;
        if (reason.empty()) reason = why;
        rank += ranking;
    }
};

std::string_view lost_because(const Candidate& candidate, const Plan& plan) {
    if (candidate.distance > 0) return "less_overlap";
    if (candidate.index->fields.size() > plan.index->fields.size()) return "too_many_fields";
    return "alphabetically_comes_after";
}

Verdict verdict_on(const Candidate& candidate, const Plan& plan, const Ranks& ranks) {
    Verdict verdict;
    if (!candidate.global) verdict.add(false, "is_partial", ranks.partial);
    if (is_out_of_scope(candidate)) verdict.add(false, "scope_mismatch", ranks.out_of_scope);
    if (is_unusable(candidate)) {
        verdict.add(false, candidate.reasons.front(), ranks.unusable);
    }
    if (is_excluded(candidate)) verdict.add(true, "excluded_by_user", ranks.excluded);
    if (is_unfavored(candidate)) verdict.add(true, "unfavored_type", ranks.unfavored);
    if (candidate.of_type) verdict.add(true, lost_because(candidate, plan), candidate.place);
    return verdict;
}

void append_candidates(std::string& out, const Plan& plan, const FindOptions& options) {
    const auto ranks = ranks_of(plan.candidates);
    out.push_back('[');
    bool first = true;
    // CouchDB lists them backwards.
    for (auto at = plan.candidates.rbegin(); at != plan.candidates.rend(); ++at) {
        if (at->index == plan.index) continue;
        const auto verdict = verdict_on(*at, plan, ranks);
        out += first ? "{\"index\":" : ",{\"index\":";
        first = false;
        append_index(out, *at->index);
        const auto covering = at->index->all_docs()
                                  ? std::string("null")
                                  : fmt::to_string(covers(*at->index, options.fields.names()));
        out += fmt::format(R"(,"analysis":{{"usable":{},"reasons":[{{"name":"{}"}}],)"
                           R"("ranking":{},"covering":{}}}}})",
                           verdict.usable, verdict.reason, verdict.rank, covering);
    }
    out.push_back(']');
}

/// mango_cursor:extract_selector_hints/1. A type after a colon, as text indexes have it, is cut.
void append_hints(std::string& out, const Selector& selector) {
    std::vector<std::string> indexable;
    for (const auto& field : indexable_fields(selector)) {
        indexable.push_back(field.substr(0, field.find(':')));
    }
    std::vector<std::string> others;
    for (auto& field : selector_fields(selector)) {
        if (std::find(indexable.begin(), indexable.end(), field) == indexable.end()) {
            others.push_back(std::move(field));
        }
    }
    for (auto* names : {&indexable, &others}) {
        std::sort(names->begin(), names->end());
        names->erase(std::unique(names->begin(), names->end()), names->end());
    }
    out += "[{\"type\":\"json\",\"indexable_fields\":";
    append_strings(out, indexable);
    out += ",\"unindexable_fields\":";
    append_strings(out, others);
    out += "}]";
}

void append_arguments(std::string& out, const Plan& plan, const FindOptions& options) {
    auto start = start_text(plan);
    auto end = end_text(plan);
    if (options.descending()) std::swap(start, end);
    out += fmt::format(
        R"(,"mrargs":{{"include_docs":{},"view_type":"map","reduce":false,"partition":{},)"
        R"("start_key":{},"end_key":{},"direction":"{}","stable":{},"update":{},)"
        R"("conflicts":{}}},"covering":{})",
        options.r == 1 && !plan.covering,
        options.partition.empty() ? "null" : json_string(options.partition), start, end,
        options.descending() ? "rev" : "fwd", options.stable || options.stale,
        options.update && !options.stale, options.conflicts ? "true" : "\"undefined\"",
        plan.covering);
}

}  // namespace

std::string explain(const Plan& plan, const FindOptions& options, std::string_view database,
                    bool partitioned) {
    std::string out = fmt::format("{{\"dbname\":{},\"index\":", json_string(database));
    if (plan.index == nullptr) {
        out += "null";
    } else {
        append_index(out, *plan.index);
    }
    out += fmt::format(",\"partitioned\":{},\"selector\":{},\"opts\":", partitioned,
                       options.selector.text());
    append_options(out, options);
    out += fmt::format(",\"limit\":{},\"skip\":{},\"fields\":", options.limit, options.skip);
    append_strings(out, options.fields.names());
    out += ",\"index_candidates\":";
    append_candidates(out, plan, options);
    out += ",\"selector_hints\":";
    append_hints(out, options.selector);
    if (plan.index != nullptr) append_arguments(out, plan, options);
    out += "}\n";
    return out;
}

}  // namespace divan::storage::mango
