#include "auth/webauthn/responses.h"

#include <doctest/doctest.h>

#include <string>

#include "test/auth/webauthn/software_authenticator.h"

namespace divan::auth::webauthn {
namespace {

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string registration_refusal(const std::string& json) {
    const auto parsed = parse_registration_response(parse_json(json).value());
    return parsed ? std::string("(accepted)") : parsed.error().reason;
}

std::string sign_in_refusal(const std::string& json) {
    const auto parsed = parse_authentication_response(parse_json(json).value());
    return parsed ? std::string("(accepted)") : parsed.error().reason;
}

}  // namespace

TEST_CASE("responses: the JSON forms that browsers speak") {
    const test::SoftwareAuthenticator authenticator;
    const auto created =
        parse_registration_response(parse_json(authenticator.create("Y2hhbGxlbmdl")).value());
    REQUIRE(created.has_value());
    CHECK(created->credential_id == authenticator.id);
    CHECK(created->transports == std::vector<std::string>{"internal", "hybrid"});

    const auto json = parse_json(authenticator.get("Y2hhbGxlbmdl", "aGFuZGxl")).value();
    const auto got = parse_authentication_response(json);
    REQUIRE(got.has_value());
    CHECK(got->user_handle == "handle");
    const auto without = parse_json(authenticator.get("Y2hhbGxlbmdl")).value();
    CHECK_FALSE(parse_authentication_response(without)->user_handle);
}

TEST_CASE("responses: a missing or wrong member is named") {
    const test::SoftwareAuthenticator authenticator;
    const auto create = authenticator.create("Y2hhbGxlbmdl");
    const auto get = authenticator.get("Y2hhbGxlbmdl", "aGFuZGxl");
    CHECK(registration_refusal("{}") == "id is missing or wrong.");
    CHECK(registration_refusal("[]") == "id is missing or wrong.");
    CHECK(registration_refusal(replaced(create, "\"id\":\"", "\"id\":\"=")) ==
          "id is missing or wrong.");
    CHECK(registration_refusal(replaced(create, "\"rawId\":\"", "\"rawId\":\"A")) ==
          "rawId is missing or wrong.");
    CHECK(registration_refusal(replaced(create, "public-key", "password")) ==
          "type is missing or wrong.");
    CHECK(registration_refusal(replaced(create, "\"response\":", "\"response\":1,\"r\":")) ==
          "response is missing or wrong.");
    CHECK(registration_refusal(replaced(create, "clientDataJSON", "x")) ==
          "clientDataJSON is missing or wrong.");
    CHECK(registration_refusal(replaced(create, "attestationObject", "x")) ==
          "attestationObject is missing or wrong.");
    CHECK(sign_in_refusal(replaced(get, "authenticatorData", "x")) ==
          "authenticatorData is missing or wrong.");
    CHECK(sign_in_refusal(replaced(get, "signature", "x")) == "signature is missing or wrong.");
    CHECK(sign_in_refusal(replaced(get, "aGFuZGxl", "")) == "userHandle is missing or wrong.");
    CHECK(sign_in_refusal(replaced(get, "\"aGFuZGxl\"", "null")) == "(accepted)");
    CHECK(sign_in_refusal(replaced(get, "aGFuZGxl", std::string(88, 'A'))) ==
          "userHandle is missing or wrong.");
    CHECK(registration_refusal(replaced(create, "\"clientDataJSON\":\"",
                                        "\"clientDataJSON\":\"" + std::string(140'000, 'A'))) ==
          "clientDataJSON is missing or wrong.");
}

TEST_CASE("responses: transports are hints; what is none is dropped") {
    const test::SoftwareAuthenticator authenticator;
    const auto create = authenticator.create("Y2hhbGxlbmdl");
    const auto transports = [&](std::string_view list) {
        const auto json = parse_json(replaced(create, R"(["internal","hybrid"])", list)).value();
        return parse_registration_response(json).value().transports;
    };
    CHECK(transports(R"(["usb",1,"<b>","","smart-card",null,"averyverylongtransport"])") ==
          std::vector<std::string>{"usb", "smart-card"});
    CHECK(transports("7").empty());
    CHECK(transports(R"(["a","a","a","a","a","a","a","a","a","a"])").size() == 8);
}

}  // namespace divan::auth::webauthn
