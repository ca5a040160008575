#include "tools/bench/documents.h"

#include <doctest/doctest.h>

#include <boost/json.hpp>

namespace divan::bench {

TEST_CASE("bench: documents are JSON of the size asked for, and the same every time") {
    for (std::uint64_t number = 0; number < 500; ++number) {
        for (const std::size_t bytes : {250UL, 450UL, 4000UL}) {
            CAPTURE(number);
            const std::string text = make_document(number, bytes, make_id(number));
            CHECK(text.size() == bytes);
            CHECK(text == make_document(number, bytes, make_id(number)));
            const auto json = boost::json::parse(text);
            CHECK(json.at("_id").as_string() == make_id(number));
        }
    }
    CHECK(make_document(1, 450) != make_document(2, 450));
}

TEST_CASE("bench: ids have one width, so that one can be written over another") {
    for (const std::uint64_t number : {0UL, 7UL, 999999999999999UL}) {
        CHECK(make_id(number).size() == id_bytes);
    }
}

}  // namespace divan::bench
