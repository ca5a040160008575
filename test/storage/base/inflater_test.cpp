#include "storage/base/inflater.h"

#include <doctest/doctest.h>
#include <zlib.h>

namespace divan {
namespace {

using Rest = Inflater::Rest;

std::string packed(const std::string& text) {
    std::string out(compressBound(text.size()), '\0');
    auto size = static_cast<uLongf>(out.size());
    REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &size,
                     reinterpret_cast<const Bytef*>(text.data()), text.size()) == Z_OK);
    out.resize(size);
    return out;
}

struct Result {
    bool good, finished;
    std::string text;
};

Result unpack(std::string_view in, Rest rest) {
    Inflater inflater(rest, Inflater::Format::zlib);
    Result result{true, false, {}};
    while (result.good && (!in.empty() || inflater.holds_more())) {
        result.good = inflater.step(in, result.text, 1);
    }
    result.finished = inflater.finished();
    return result;
}

}  // namespace

TEST_CASE("inflater: one zlib stream") {
    const std::string text(50'000, 'a');
    const auto whole = unpack(packed(text), Rest::refused);
    CHECK(whole.good);
    CHECK(whole.finished);
    CHECK(whole.text == text);

    const auto cut = unpack(packed(text).substr(0, 20), Rest::refused);
    CHECK(cut.good);
    CHECK_FALSE(cut.finished);
    CHECK_FALSE(unpack("no zlib stream", Rest::refused).good);
}

TEST_CASE("inflater: a second zlib stream is not part of the first") {
    const auto two = packed("one") + packed("two");
    CHECK_FALSE(unpack(two, Rest::refused).good);
    const auto passed = unpack(two, Rest::passed_over);
    CHECK(passed.good);
    CHECK(passed.finished);
    CHECK(passed.text == "one");
}

}  // namespace divan
