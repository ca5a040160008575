#include "storage/query/mango/find_answer.h"

#include <fmt/format.h>

namespace divan::storage::mango {
namespace {

constexpr std::string_view no_index =
    "No matching index found, create an index to optimize query time.";
constexpr std::string_view many_examined =
    "The number of documents examined is high in proportion to the number of results returned. "
    "Consider adding a more specific index to improve this.";

void add_line(std::string& text, std::string_view line) {
    if (line.empty()) return;
    if (!text.empty()) text.push_back('\n');
    text += line;
}

}  // namespace

FindAnswer::FindAnswer(const Plan& plan, const FindOptions& options, std::uint64_t warning_ratio)
    : nothing_(plan.nothing),
      all_docs_(plan.index->all_docs()),
      statistics_(options.execution_stats),
      unused_index_(unused_index_warning(*plan.index, options)),
      warning_ratio_(warning_ratio),
      skip_(options.skip),
      left_(options.limit),
      bookmark_(options.bookmark.value_or("nil")) {}

StepLimits FindAnswer::limits() const {
    StepLimits limits;
    const auto wanted = left_ > 0 ? left_ : 1;
    limits.matches = skip_ < ~wanted ? skip_ + wanted : 1;
    if (left_ == 0 && skip_ == 0) limits.documents = look_out_documents;
    return limits;
}

bool FindAnswer::take(const Matches& matches, std::string& out) {
    begin(out);
    const bool looking_out = left_ == 0 && skip_ == 0;
    for (const auto& match : matches.found) {
        if (!take_match(match, out)) return false;
    }
    examined_ += matches.rest;
    return matches.exhausted || !looking_out;
}

bool FindAnswer::take_match(const Match& match, std::string& out) {
    examined_ += match.examined;
    if (left_ == 0 && skip_ == 0) return false;
    bookmark_ = bookmark_text({match.id, match.key});
    if (skip_ > 0) {
        --skip_;
        return true;
    }
    --left_;
    out += results_++ > 0 ? ",\r\n" : "\r\n";
    out += match.text;
    return true;
}

void FindAnswer::begin(std::string& out) {
    if (!begun_) out += "{\"docs\":[";
    begun_ = true;
}

void FindAnswer::finish(double milliseconds, std::string& out) {
    begin(out);
    out += "\r\n]";
    if (nothing_) {
        out += "}\r\n";
        return;
    }
    out += fmt::format(",\r\n\"bookmark\": {}", json_string(bookmark_));
    if (statistics_) {
        out += fmt::format(
            R"(,{}"execution_stats": {{"total_keys_examined":{},"total_docs_examined":{},)"
            R"("total_quorum_docs_examined":{},"results_returned":{},"execution_time_ms":)",
            "\r\n", examined_.keys, examined_.documents, examined_.quorum_documents, results_);
        append_json_double(out, milliseconds);
        out.push_back('}');
    }
    const auto text = warning();
    if (!text.empty()) out += fmt::format(",\r\n\"warning\": {}", json_string(text));
    out += "}\r\n";
}

/// mango_cursor:maybe_add_warning/4.
std::string FindAnswer::warning() const {
    std::string text = unused_index_;
    if (all_docs_) add_line(text, no_index);
    const auto read = examined_.documents + examined_.quorum_documents;
    const auto results = results_ > 0 ? results_ : 1;
    if (warning_ratio_ > 0 && read / warning_ratio_ >= results && read > results * warning_ratio_) {
        add_line(text, many_examined);
    }
    return text;
}

}  // namespace divan::storage::mango
