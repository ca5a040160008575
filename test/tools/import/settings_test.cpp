#include "tools/import/settings.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace divan::import {
namespace {

namespace fs = std::filesystem;

const char* const old_ini = R"([admins]
admin = -pbkdf2:sha256-ab,cd,1000
[couchdb]
uuid = 0123
database_dir = /var/lib/couchdb
max_document_size = 9000000 ; bytes
[chttpd]
port = 5984
[chttpd_auth]
secret = old secret
timeout = 1200
iterations = 10
[jwt_keys]
hmac:_default = aGVsbG8=
[cors:example.org]
origins = *
[vhosts]
:db.example.org:5984/x = /:db
)";

struct Settings {
    fs::path folder =
        fs::temp_directory_path() / ("divan_settings_test_" + std::to_string(::getpid()));
    fs::path data = folder / "divan";
    fs::path notes = folder / "notes";

    Settings() {
        fs::remove_all(folder);
        file("couch/etc/local.ini", old_ini);
        fs::create_directories(folder / "couch/data");
        fs::create_directories(notes);
    }
    ~Settings() { fs::remove_all(folder); }

    void file(const fs::path& name, const std::string& text) const {
        fs::create_directories((folder / name).parent_path());
        std::ofstream(folder / name, std::ios::binary) << text;
    }
    std::string text(const fs::path& name) const {
        std::ifstream in(data / "local.d" / name, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }
    SourceSettings read() const { return read_settings(settings_near(folder / "couch/data")); }
    SettingsReport carry(bool take_identity) const {
        return carry_settings(read(), data, "one", notes, take_identity);
    }
};

bool names(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

TEST_CASE_FIXTURE(Settings, "settings: who may do what comes along, the old machine's stays") {
    const auto report = carry(false);
    CHECK(report.carried.size() == 6);
    CHECK(names(report.left, "chttpd_auth/iterations"));
    CHECK(settings_text(report).find("  [couchdb] database_dir: the data folder is --data here") !=
          std::string::npos);
    CHECK(names(report.left, "chttpd/port"));
    CHECK(names(report.left, "couchdb/database_dir"));
    CHECK(report.identity_there);
    CHECK_FALSE(report.identity_taken);
    const auto written = text("import-one.ini");
    CHECK(written.find("admin = -pbkdf2:sha256-ab,cd,1000") != std::string::npos);
    CHECK(written.find("hmac:_default = aGVsbG8=") != std::string::npos);
    CHECK(written.find("max_document_size = 9000000\n") != std::string::npos);
    CHECK(written.find(":db.example.org:5984/x = /:db\n") != std::string::npos);
    CHECK(written.find("secret") == std::string::npos);
    CHECK(fs::status(data / "local.d/import-one.ini").permissions() ==
          (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(text("zz-http.ini").empty());
    CHECK(settings_text(report).find("old secret") == std::string::npos);

    undo_settings(data, "one", notes);
    CHECK_FALSE(fs::exists(data / "local.d/import-one.ini"));
}

TEST_CASE_FIXTURE(Settings, "settings: what the target sets itself stays as it is") {
    file("divan/local.ini", "[chttpd_auth]\ntimeout = 60\n");
    file("divan/local.d/zz-http.ini", "[admins]\nadmin = -pbkdf2-mine\n");
    for (int time = 0; time < 2; ++time) {  // the same run again, as after a kill
        const auto report = carry(false);
        CHECK(report.carried.size() == 4);
        CHECK(names(report.kept, "admins/admin"));
        CHECK(names(report.kept, "chttpd_auth/timeout"));
        CHECK(text("import-one.ini").find("admin =") == std::string::npos);
    }
}

TEST_CASE_FIXTURE(Settings, "settings: the identity is taken over when asked, and given back") {
    const std::string mine =
        "\n[admins]\nadmin = -pbkdf2-mine\n\n[couchdb]\nuuid = mine\n";
    file("divan/local.d/zz-http.ini", mine);
    for (int time = 0; time < 2; ++time) {
        CHECK(carry(true).identity_taken);
        const auto written = text("zz-http.ini");
        CHECK(written.find("uuid = 0123") != std::string::npos);
        CHECK(written.find("secret = old secret") != std::string::npos);
        CHECK(written.find("admin = -pbkdf2-mine") != std::string::npos);
    }
    undo_settings(data, "one", notes);
    CHECK(text("zz-http.ini") == mine);
}

TEST_CASE("settings: those of a data folder are found in it, beside it, or in etc beside it") {
    const Settings there;
    CHECK(settings_near(there.folder / "couch/data").size() == 1);
    there.file("couch/local.d/a.ini", "");
    CHECK(settings_near(there.folder / "couch/data/").front() == there.folder / "couch/local.d");
    there.file("couch/data/local.ini", "");
    CHECK(settings_near(there.folder / "couch/data").front() ==
          there.folder / "couch/data/local.ini");
    CHECK(settings_near("test/couch_files/3.5.0-none-q1/data").size() == 1);
}

}  // namespace divan::import
