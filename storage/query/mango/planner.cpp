#include "storage/query/mango/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "storage/query/mango/refuse.h"

namespace divan::storage::mango {
namespace {

using Names = std::vector<std::string>;

constexpr std::string_view design_prefix = "_design/";

std::string_view short_name(std::string_view design) {
    if (design.starts_with(design_prefix)) design.remove_prefix(design_prefix.size());
    return design;
}

/// mango_cursor:filter_indexes/2 and /3.
bool is_named(const Index& index, const Names& use_index) {
    if (use_index.empty() || index.all_docs()) return false;
    if (short_name(index.design) != short_name(use_index[0])) return false;
    return use_index.size() == 1 || index.name == use_index[1];
}

Names sort_names(const FindOptions& options) {
    Names names;
    for (const auto& field : options.sort) names.push_back(field.name);
    return names;
}

bool starts_with(const Names& names, const Names& prefix) {
    return prefix.size() <= names.size() && std::equal(prefix.begin(), prefix.end(), names.begin());
}

/// mango_idx_view:can_use_sort/3: constant leading columns do not disturb the order.
bool can_sort(const Names& columns, const Names& sort, const Selector& selector) {
    if (sort.empty()) return true;
    for (auto rest = columns; !rest.empty(); rest.erase(rest.begin())) {
        if (rest.front() == sort.front()) return starts_with(rest, sort);
        if (!is_constant_field(selector, rest.front())) return false;
    }
    return false;
}

/// mango_idx_special:is_usable/3.
void judge_all_docs(Candidate& candidate, const FindOptions& options, const Names& sort) {
    candidate.usable = true;
    if (sort.empty()) return;
    const auto fields = indexable_fields(options.selector);
    if (std::find(fields.begin(), fields.end(), "_id") == fields.end()) {
        candidate.reasons.emplace_back("field_mismatch");
    }
    if (sort != Names{"_id"}) candidate.reasons.emplace_back("sort_order_mismatch");
    candidate.usable = candidate.reasons.empty();
}

/// mango_idx_view:is_usable/3: a document without one of the columns is not in the index, so the
/// selector or the sort must demand them all.
void judge_json(Candidate& candidate, const FindOptions& options, const Names& sort) {
    const auto all = columns(*candidate.index);
    Names required;
    for (const auto& column : all) {
        const bool given = column == "_id" || column == "_rev" ||
                           std::find(sort.begin(), sort.end(), column) != sort.end() ||
                           std::find(required.begin(), required.end(), column) != required.end();
        if (!given) required.push_back(column);
    }
    if (is_text_search(options.selector)) candidate.reasons.emplace_back("needs_text_search");
    if (!has_required_fields(options.selector, required)) {
        candidate.reasons.emplace_back("field_mismatch");
    }
    if (!can_sort(all, sort, options.selector)) {
        candidate.reasons.emplace_back("sort_order_mismatch");
    }
    candidate.usable = candidate.reasons.empty();
}

Candidate judge(const Index& index, const FindOptions& options) {
    Candidate candidate;
    candidate.index = &index;
    candidate.global = !index.partial_filter;
    const bool scope = index.all_docs() || index.partitioned == !options.partition.empty();
    candidate.in_scope = (candidate.global || is_named(index, options.use_index)) && scope;
    if (!candidate.in_scope) return candidate;
    const auto sort = sort_names(options);
    index.all_docs() ? judge_all_docs(candidate, options, sort)
                     : judge_json(candidate, options, sort);
    return candidate;
}

[[noreturn]] void refuse_sort(const FindOptions& options, bool partitioned) {
    const auto* const kind = !partitioned                ? "index"
                             : options.partition.empty() ? "global index"
                                                         : "partitioned index";
    refuse("no_usable_index",
           fmt::format("No {} exists for this sort, try indexing by the sort fields.", kind));
}

[[noreturn]] void refuse_use_index(const Names& use_index) {
    if (use_index.empty()) {
        refuse("invalid_index", "You must specify an index with the `use_index` parameter.");
    }
    auto name = fmt::format("_design/{}", short_name(use_index[0]));
    if (use_index.size() > 1) name += ", " + use_index[1];
    refuse("invalid_index",
           name + " specified by `use_index` could not be found or it is not suitable.");
}

/// mango_cursor:create/4.
void allow(std::vector<Candidate>& candidates, const FindOptions& options) {
    std::size_t usable = 0;
    bool any_named = false;
    for (auto& candidate : candidates) {
        if (!candidate.usable) continue;
        ++usable;
        candidate.allowed = is_named(*candidate.index, options.use_index);
        any_named = any_named || candidate.allowed;
    }
    if (any_named) return;
    if (!options.allow_fallback && (!options.use_index.empty() || usable < 2)) {
        refuse_use_index(options.use_index);
    }
    for (auto& candidate : candidates) candidate.allowed = candidate.usable;
}

/// mango_cursor_view:composite_prefix/2.
std::vector<FieldRange> prefix_of(const Index& index, const std::vector<FieldRange>& ranges) {
    std::vector<FieldRange> prefix;
    for (const auto& column : index.fields) {
        const auto range = std::find_if(ranges.begin(), ranges.end(), [&](const auto& each) {
            return each.field == column.name;
        });
        if (range == ranges.end()) break;
        prefix.push_back(*range);
    }
    return prefix;
}

/// Where nothing narrows them, all documents are walked, from null on.
FieldRange every_id() {
    FieldRange range;
    range.field = "_id";
    range.low = {Bound::Kind::exclusive, "null"};
    return range;
}

/// The candidates of the type that goes first, best first.
std::vector<Candidate*> ranked(std::vector<Candidate>& candidates, const FindOptions& options) {
    const bool any_json = std::any_of(candidates.begin(), candidates.end(), [](const auto& each) {
        return each.allowed && !each.index->all_docs();
    });
    auto ranges = field_ranges(options.selector);
    if (!any_json) ranges.push_back(every_id());
    std::vector<Candidate*> ranked;
    for (auto& candidate : candidates) {
        if (!candidate.allowed || candidate.index->all_docs() == any_json) continue;
        candidate.of_type = true;
        candidate.prefix = prefix_of(*candidate.index, ranges);
        candidate.distance = ranges.size() - candidate.prefix.size();
        ranked.push_back(&candidate);
    }
    // Candidates come sorted by their names, which decide last.
    std::stable_sort(ranked.begin(), ranked.end(), [](const auto* a, const auto* b) {
        return std::tuple(a->distance, a->index->fields.size()) <
               std::tuple(b->distance, b->index->fields.size());
    });
    for (std::size_t i = 0; i < ranked.size(); ++i) ranked[i]->place = i;
    return ranked;
}

/// mango_cursor_view:required_fields/1.
Names asked_fields(const FindOptions& options) {
    if (options.fields.all()) return {};
    auto fields = options.fields.names();
    const auto tested = selector_fields(options.selector);
    fields.insert(fields.end(), tested.begin(), tested.end());
    return fields;
}

}  // namespace

Plan make_plan(Indexes indexes, const FindOptions& options, bool partitioned, PlanFor purpose) {
    Plan plan;
    plan.indexes = std::move(indexes);
    for (const auto& index : *plan.indexes) plan.candidates.push_back(judge(index, options));
    const bool usable = std::any_of(plan.candidates.begin(), plan.candidates.end(),
                                    [](const auto& candidate) { return candidate.usable; });
    if (!usable && purpose == PlanFor::find) refuse_sort(options, partitioned);
    allow(plan.candidates, options);
    const auto best = ranked(plan.candidates, options);
    if (best.empty()) return plan;
    plan.index = best.front()->index;
    plan.ranges = best.front()->prefix;
    plan.nothing =
        is_empty_list(options.selector) || (plan.ranges.size() == 1 && plan.ranges.front().empty);
    plan.covering = covers(*plan.index, asked_fields(options));
    return plan;
}

bool covers(const Index& index, const Names& fields) {
    if (fields.empty() || index.all_docs()) return false;
    const auto available = columns(index);
    return std::all_of(fields.begin(), fields.end(), [&](const std::string& field) {
        return field == "_id" ||
               std::find(available.begin(), available.end(), field) != available.end();
    });
}

std::string unused_index_warning(const Index& index, const FindOptions& options) {
    const auto& names = options.use_index;
    if (names.empty() || is_named(index, names)) return {};
    if (names.size() == 1) {
        return fmt::format(
            "_design/{} was not used because it does not contain a valid index for "
            "this query.",
            short_name(names[0]));
    }
    return fmt::format(
        "_design/{}, {} was not used because it is not a valid index for this "
        "query.",
        short_name(names[0]), names[1]);
}

}  // namespace divan::storage::mango
