#include "auth/user_document.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace divan::auth {
namespace {

const Identity admin{"admin", {"_admin"}, "default"};
const Identity ann{"ann", {"r"}, "default"};
const Identity nobody;
constexpr std::string_view open_security = R"({"admins":{"roles":["boss"]},"members":{}})";

struct Judged {
    std::string id = "org.couchdb.user:ann";
    bool deleted = false;
    std::string old;

    /// What CouchDB tells; empty where the edit is allowed.
    std::string by(const Identity& who, std::string_view json) const {
        const auto document = parse_json(json).value();
        const auto before = parse_json(old.empty() ? "{}" : old).value();
        const auto judged = validate_user_document(
            who, open_security, {id, deleted, document, old.empty() ? nullptr : &before});
        if (judged.has_value()) return {};
        CHECK(judged.error().code == Code::forbidden);
        return judged.error().reason;
    }
};

}  // namespace

TEST_CASE("user documents: what one must have, told in CouchDB's order and words") {
    const struct {
        const char* json;
        const char* told;
    } cases[] = {
        {R"({})", "doc.type must be user"},
        {R"({"type":"admin","name":"ann","roles":[]})", "doc.type must be user"},
        {R"({"type":"user"})", "doc.name is required"},
        {R"({"type":"user","name":""})", "doc.name is required"},
        {R"({"type":"user","name":null})", "doc.name is required"},
        {R"({"type":"user","name":"ann"})", "doc.roles must exist"},
        {R"({"type":"user","name":"ann","roles":null})", "doc.roles must exist"},
        {R"({"type":"user","name":"ann","roles":"x"})", "doc.roles must be an array"},
        {R"({"type":"user","name":"ann","roles":{}})", "doc.roles must be an array"},
        {R"({"type":"user","name":"ann","roles":["a",1]})", "doc.roles can only contain strings"},
        {R"({"type":"user","name":"bob","roles":[]})",
         "Doc ID must be of the form org.couchdb.user:name"},
        {R"({"type":"user","name":["ann"],"roles":[]})",
         "Doc ID must be of the form org.couchdb.user:name"},
        {R"({"type":"user","name":"ann","roles":[],"password_sha":"x"})",
         "Users with password_sha must have a salt.See /_utils/script/couch.js for example code."},
        {R"({"type":"user","name":"ann","roles":[],"password_scheme":"bogus"})",
         "Password scheme `bogus` not supported."},
        {R"({"type":"user","name":"ann","roles":[],"password_scheme":"bcrypt"})",
         "Password scheme `bcrypt` not supported."},
        {R"({"type":"user","name":"ann","roles":[],"password_scheme":"pbkdf2"})",
         "iterations must be a number."},
        {R"({"type":"user","name":"ann","roles":[],"password_scheme":"pbkdf2","iterations":1})",
         "derived_key must be a string."},
        {R"({"type":"user","name":"ann","roles":["_admin"]})",
         "No system roles (starting with underscore) in users db."},
        {R"({"type":"user","name":"ann","roles":["_metrics"]})", ""},
        {R"({"type":"user","name":"ann","roles":["r"],"password_sha":"x","salt":"y"})", ""},
    };
    for (const auto& [json, told] : cases) {
        CAPTURE(json);
        CHECK(Judged().by(admin, json) == told);
    }
    CHECK(Judged{"org.couchdb.user:_x", false, {}}.by(
              admin, R"({"type":"user","name":"_x","roles":[]})") ==
          "Username may not start with underscore.");
    CHECK(Judged{"org.couchdb.user:a:b", false, {}}.by(
              admin, R"({"type":"user","name":"a:b","roles":[]})") ==
          "Character `:` is not allowed in usernames.");
}

TEST_CASE("user documents: a bcrypt hash is taken where it is one") {
    CHECK(Judged().by(admin, R"({"type":"user","name":"ann","roles":[],"password_scheme":"bcrypt",
        "derived_key":"$2b$04$vd2EJJCAYbSnXG4wyHVwQun6vO8U3f/Pcp.iQkg2VtSQBHJ.TgaDu"})")
              .empty());
}

TEST_CASE("user documents: who may write which") {
    const std::string mine = R"({"type":"user","name":"ann","roles":["a","b"]})";
    const std::string reordered = R"({"type":"user","name":"ann","roles":["b","a"],"x":1})";
    const std::string more = R"({"type":"user","name":"ann","roles":["a","b","c"]})";
    const std::string none = R"({"type":"user","name":"ann","roles":[]})";
    const Judged over{"org.couchdb.user:ann", false, mine};
    CHECK(over.by(ann, reordered).empty());
    CHECK(over.by(ann, more) == "Only _admin may edit roles");
    CHECK(over.by(ann, none) == "Only _admin may edit roles");
    CHECK(over.by({"bob", {}, ""}, mine) == "You may only update your own user document.");
    CHECK(over.by(nobody, mine) == "You may only update your own user document.");
    CHECK(over.by(admin, more).empty());
    CHECK(over.by({"bob", {"boss"}, ""}, more).empty());

    CHECK(Judged().by(nobody, none).empty());
    CHECK(Judged().by(nobody, mine) == "Only _admin may set roles");
    CHECK(Judged{"org.couchdb.user:ann", false, R"({"name":"old"})"}.by(admin, none) ==
          "Usernames can not be changed.");
}

TEST_CASE("user documents: only admins and their owners delete them") {
    const Judged gone{"org.couchdb.user:ann", true, R"({"name":"ann"})"};
    CHECK(gone.by(admin, "{}").empty());
    CHECK(gone.by(ann, "{}").empty());
    for (const Identity& who : {nobody, Identity{"bob", {"boss"}, ""}}) {
        CHECK(gone.by(who, "{}") == "Only admins may delete other user docs.");
    }
    const Judged nameless{"org.couchdb.user:ann", true, R"({"x":1})"};
    CHECK(nameless.by(nobody, "{}") == "Only admins may delete other user docs.");
    const Judged unknown{"org.couchdb.user:ann", true, {}};
    CHECK(unknown.by(ann, "{}") == "Only admins may delete other user docs.");
}

TEST_CASE("CVE-2017-12635: of duplicate roles the one that is stored is the one that is judged") {
    // One parser saw the first key and another the last, so that what was judged was not stored.
    for (const char* json : {
             R"({"type":"user","name":"ann","roles":["_admin"],"roles":[]})",
             R"({"type":"user","name":"ann","roles":[],"roles":["_admin"]})",
             R"({"roles":["_admin"],"type":"user","name":"ann","roles":["_admin"],"roles":[]})",
         }) {
        CAPTURE(json);
        const auto document = parse_json(json).value();
        int lists = 0;
        for (const auto& [key, value] : document.members()) lists += key == "roles" ? 1 : 0;
        CHECK(lists == 1);
        const bool admin_asked = !document.find("roles")->items().empty();
        CHECK(Judged().by(nobody, json).empty() == !admin_asked);
    }
}

TEST_CASE("user documents: a password is replaced by its hash, the rest stays in order") {
    const auto document = parse_json(R"({"name":"ann","password":"pw","salt":"old","n":1.0,
        "roles":["r"],"iterations":3,"preserve_salt":true,"type":"user"})").value();
    CHECK(with_password(document, {PasswordHash::Scheme::pbkdf2, "sha256", "ab", "S", 10}) ==
          R"({"password_scheme":"pbkdf2","pbkdf2_prf":"sha256","salt":"S","iterations":10,)"
          R"("derived_key":"ab","name":"ann","n":1.0,"roles":["r"],"type":"user"})");
    CHECK(with_password(document, {PasswordHash::Scheme::simple, {}, "ab", "S", 0}) ==
          R"({"password_scheme":"simple","salt":"S","password_sha":"ab","name":"ann","n":1.0,)"
          R"("roles":["r"],"type":"user"})");
}

}  // namespace divan::auth
