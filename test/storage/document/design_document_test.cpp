#include "storage/document/design_document.h"

#include <doctest/doctest.h>

#include <string>

namespace divan::storage {
namespace {

std::string judge(std::string_view body, bool partitioned = false) {
    const auto judged = validate_design_document("_design/d", body, partitioned);
    if (judged.has_value()) return "";
    CHECK(judged.error().code == Code::invalid_design_doc);
    return judged.error().reason;
}

std::string with_reduce(std::string_view reduce) {
    return R"({"views":{"v":{"map":"function(d){}","reduce":")" + std::string(reduce) + "\"}}}";
}

}  // namespace

TEST_CASE("design documents: fields of the wrong kind are refused by their path") {
    const struct {
        std::string_view body;
        std::string_view reason;
    } cases[] = {
        {R"({})", ""},
        {R"({"views":{}})", ""},
        {R"({"views":1})", "`views` field must have object type"},
        {R"({"views":[]})", "`views` field must have object type"},
        {R"({"views":{"v":"x"}})", "`views.v` field must have object type"},
        {R"({"views":{"v":{"map":1}}})", "`views.v.map` field must have string type"},
        {R"({"views":{"v":{"map":"","reduce":1}}})",
         "`views.v.reduce` field must have string type"},
        {R"({"views":{"v":{}}})", "View `v` must contain map function"},
        {R"({"views":{"lib":"x"}})", "`views.lib` field must have object type"},
        {R"({"views":{"lib":{"a":"exports.x = 1"}}})", ""},
        {R"({"views":{"":{"map":"x"}}})", ""},
        {R"({"language":7})", "`language` field must have string type"},
        {R"({"language":"query","views":{"v":{"map":{}}}})", ""},
        {R"({"language":"query","views":{"v":{"map":"x"}}})",
         "`views.v.map` field must have object type"},
        {R"({"options":[]})", "`options` field must have object type"},
        {R"({"options":{"local_seq":1}})", "`options.local_seq` field must have boolean type"},
        {R"({"options":{"include_design":null}})",
         "`options.include_design` field must have boolean type"},
        {R"({"filters":"x"})", "`filters` field must have object type"},
        {R"({"filters":{"f":1}})", "`filters.f` field must have string or object type"},
        {R"({"filters":{"f":{"map":"x"}}})", ""},
        {R"({"lists":{"a":{}}})", ""},
        {R"({"shows":[]})", "`shows` field must have object type"},
        {R"({"updates":{"u":true}})", "`updates.u` field must have string or object type"},
        {R"({"rewrites":1})", "`rewrites` field must have array or string type"},
        {R"({"rewrites":[{}]})", ""},
        {R"({"validate_doc_update":1})", "`validate_doc_update` field must have string type"},
        {R"({"anything":["else"]})", ""},
    };
    for (const auto& one : cases) {
        CAPTURE(one.body);
        CHECK(judge(one.body) == one.reason);
    }
}

TEST_CASE("design documents: built-in reductions are known by prefix, ranks have a range") {
    for (const auto* known : {"_sum", "_sum ", "_summ", "_count_x", "_stats2", "_first_x", "_last",
                              "_approx_count_distinct", "_top_1", "_bottom_100", "function(){}"}) {
        CAPTURE(known);
        CHECK(judge(with_reduce(known)).empty());
    }
    for (const auto* unknown : {"_avg", "_top", "_"}) {
        CAPTURE(unknown);
        CHECK(judge(with_reduce(unknown)) ==
              "`" + std::string(unknown) + "` is not a supported reduce function.");
    }
    for (const auto* rank : {"_top_0", "_top_101", "_bottom_-1", "_top_99999999999999999999"}) {
        CAPTURE(rank);
        CHECK(judge(with_reduce(rank)) == "rank value must be between 1 and 100");
    }
    CHECK(judge(with_reduce("_top_x")) == "invalid rank reducer");
    CHECK(judge(R"({"language":"klingon","views":{"v":{"map":"x","reduce":"_avg"}}})").empty());
}

TEST_CASE("design documents: only a partitioned database takes partitioned views") {
    CHECK(judge(R"({"options":{"partitioned":true}})") ==
          "partitioned option cannot be true in a non-partitioned database.");
    CHECK(judge(R"({"options":{"partitioned":true}})", true).empty());
    CHECK(judge(R"({"options":{"partitioned":false}})").empty());
    CHECK(judge(R"({"options":{"partitioned":"yes"}})", true) ==
          "`options.partitioned` field must have boolean type");
}

TEST_CASE("design documents: other documents may look like anything") {
    CHECK(validate_design_document("plain", R"({"views":1})").has_value());
    CHECK(validate_design_document("_local/x", R"({"views":1})").has_value());
}

}  // namespace divan::storage
