#include <doctest/doctest.h>

#include <string>

#include "storage/document/client_document.h"

namespace divan::storage {
namespace {

struct Case {
    std::string id;
    std::string reason;  ///< Empty where the id is good.
    std::string name = {};
};

void check(const Case& expected, const Result<void>& result) {
    CAPTURE(expected.id);
    if (expected.reason.empty()) {
        CHECK(result.has_value());
    } else {
        CHECK(result.error() == Error{Code::illegal_docid, expected.reason, expected.name});
    }
}

constexpr const char* reserved = "Only reserved document ids may start with underscore.";

}  // namespace

TEST_CASE("document ids: any UTF-8 that does not begin with an underscore") {
    const Case cases[] = {{"a", ""},
                          {" ", ""},
                          {"\u65e5\u672c", ""},
                          {"x_", ""},
                          {"a/b", ""},
                          {std::string("\0", 1), ""},
                          {"_design/x", ""},
                          {"_local/x", ""},
                          {"", "Document id must not be empty"},
                          {"_design/", "Illegal document id `_design/`"},
                          {"_local/", "Illegal document id `_local/`"},
                          {"_design", reserved},
                          {"_designer/x", reserved},
                          {"_x", reserved},
                          {"_", reserved},
                          {"\xff", "Document id must be valid UTF-8"},
                          {"_\xff", "Document id must be valid UTF-8"}};
    for (const auto& each : cases) check(each, validate_document_id(each.id));
}

TEST_CASE("partitioned ids: a partition, a colon, and an id") {
    const Case cases[] = {
        {"p:a", ""},
        {"p:b:c", ""},
        {"p::", ""},
        {"_design/x", ""},
        {"_local/x", ""},
        {"nocolon", "Doc id must be of form partition:id"},
        {":empty", "Partition must not be empty", "illegal_partition"},
        {"_p:a", "Partition must not start with an underscore", "illegal_partition"},
        {"p:", "Document id must not be empty"},
        {"p:_a", reserved}};
    for (const auto& each : cases) check(each, validate_partitioned_id(each.id));
}

}  // namespace divan::storage
