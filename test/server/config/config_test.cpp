#include "server/config/config.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <limits>

#include "storage/base/random.h"

namespace divan::server {
namespace {

namespace fs = std::filesystem;

struct Folder {
    fs::path path = fs::temp_directory_path() / ("divan-config-" + random_uuid());
    Folder() { fs::create_directories(path); }
    ~Folder() { fs::remove_all(path); }

    fs::path write(const std::string& name, const std::string& text) const {
        const auto file = path / name;
        fs::create_directories(file.parent_path());
        std::ofstream(file) << text;
        return file;
    }
    fs::path writable() const { return path / "local.d" / "zz-http.ini"; }
};

}  // namespace

TEST_CASE("config: later files win over earlier ones, and all over the built-in values") {
    const Folder folder;
    Config config;
    CHECK(config.get("chttpd", "port") == "5984");
    const auto one = folder.write("one.ini", "[chttpd]\nport = 1\n[s]\na = 1\nb = 1\n");
    const auto two = folder.write("two.ini", "[s]\nb = 2\n");
    REQUIRE(config.load({one, two}, folder.writable()).has_value());
    CHECK(config.get("chttpd", "port") == "1");
    CHECK(config.section("s") == Config::Section{{"a", "1"}, {"b", "2"}});
    CHECK(config.find("s", "c") == std::nullopt);
    CHECK(config.get("s", "c", "otherwise") == "otherwise");
    CHECK_FALSE(fs::exists(folder.writable()));
}

TEST_CASE("config: a folder stands for its ini files in the order of their names") {
    const Folder folder;
    folder.write("d/20.ini", "[s]\na = 20\n");
    folder.write("d/10.ini", "[s]\na = 10\nb = 10\n");
    folder.write("d/note.txt", "[s]\na = no\n");
    Config config;
    REQUIRE(config.load({folder.path / "d"}, {}).has_value());
    CHECK(config.section("s") == Config::Section{{"a", "20"}, {"b", "10"}});
}

TEST_CASE("config: a file that is not there is refused by its name, and nothing changes") {
    const Folder folder;
    Config config;
    const auto refused = config.load({folder.path / "none.ini"}, folder.writable());
    REQUIRE(refused.has_error());
    CHECK(refused.error().reason.find("none.ini") != std::string::npos);
    CHECK(config.get("chttpd", "port") == "5984");
}

TEST_CASE("config: the data folder's own files are read after those that were given") {
    const Folder folder;
    folder.write("local.ini", "[s]\na = local\n");
    folder.write("local.d/10.ini", "[s]\na = local.d\n");
    folder.write("local.d/zzz.ini", "[s]\nb = zzz\n");
    folder.write("local.d/zz-http.ini", "[s]\nb = http\n");
    const auto given = folder.write("given.ini", "[s]\na = given\nc = given\n");
    Config config;
    const auto files = config_files(folder.path, {given});
    REQUIRE(config.load(files.read, files.writable).has_value());
    CHECK(config.section("s") == Config::Section{{"a", "local.d"}, {"b", "http"}, {"c", "given"}});
}

TEST_CASE("config: what is set is seen at once, returns the old value, and survives a restart") {
    const Folder folder;
    const auto file = folder.write("one.ini", "[s]\na = 1\n");
    Config config;
    REQUIRE(config.load({file}, folder.writable()).has_value());
    const auto version = config.version();
    CHECK(config.set("s", "a", "2", true).value() == "1");
    CHECK(config.set("s", "b", "x ; y", true).value() == std::nullopt);
    CHECK(config.set("s", "c", "fleeting", false).value() == std::nullopt);
    CHECK(config.version() > version);
    CHECK(config.section("s") ==
          Config::Section{{"a", "2"}, {"b", "x ; y"}, {"c", "fleeting"}});

    Config restarted;
    REQUIRE(restarted.load({file}, folder.writable()).has_value());
    CHECK(restarted.section("s") == Config::Section{{"a", "2"}, {"b", "x ; y"}});
    REQUIRE(config.reload().has_value());
    CHECK(config.section("s") == restarted.section("s"));
}

TEST_CASE("config: the file with what was set is for its owner only") {
    const Folder folder;
    Config config;
    REQUIRE(config.load({}, folder.writable()).has_value());
    REQUIRE(config.set("admins", "ann", "secret", true).has_value());
    struct stat status {};
    REQUIRE(::stat(folder.writable().c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK(std::distance(fs::directory_iterator(folder.writable().parent_path()), {}) == 1);
}

TEST_CASE("config: what is erased falls back to the value of a file") {
    const Folder folder;
    const auto file = folder.write("one.ini", "[s]\na = 1\n");
    Config config;
    REQUIRE(config.load({file}, folder.writable()).has_value());
    CHECK(config.set("s", "a", "2", true).has_value());
    CHECK(config.set("s", "b", "2", true).has_value());
    CHECK(config.erase("s", "a", true).value() == "2");
    CHECK(config.erase("s", "b", true).value() == "2");
    CHECK(config.erase("s", "b", true).value() == std::nullopt);
    CHECK(config.section("s") == Config::Section{{"a", "1"}});
    REQUIRE(config.reload().has_value());
    CHECK(config.section("s") == Config::Section{{"a", "1"}});
}

TEST_CASE("config: names and values that would break the file are refused") {
    const Folder folder;
    Config config;
    REQUIRE(config.load({}, folder.writable()).has_value());
    struct Case {
        const char* section;
        const char* key;
        const char* value;
        const char* reason;
    };
    for (const auto& [section, key, value, reason] : {
             Case{"a[b", "k", "v", "Invalid configuration section"},
             Case{"a]b", "k", "v", "Invalid configuration section"},
             Case{"a\nb", "k", "v", "Invalid configuration section"},
             Case{"s", "k[", "v", "Invalid configuration key"},
             Case{"s", "k\r", "v", "Invalid configuration key"},
             Case{"s", "k", "two\nlines", "Invalid configuration value"},
             Case{"s", "k", "bell\a", "Invalid configuration value"},
         }) {
        CAPTURE(reason);
        CHECK(config.set(section, key, value, true).error() ==
              Error{Code::bad_request, reason, {}});
    }
    CHECK(config.section("s").empty());
    CHECK(config.set("s", "k", "tab\tand [brackets]", true).has_value());
}

TEST_CASE("config: the sections of CouchDB 1 count where the newer ones say nothing") {
    Config config;
    config.set("couch_httpd_auth", "secret", "old", false).value();
    config.set("couch_httpd_auth", "require_valid_user", "true", false).value();
    config.set("httpd", "max_uri_length", "80", false).value();
    config.set("httpd", "port", "5986", false).value();
    CHECK(config.get("chttpd_auth", "secret") == "old");
    CHECK(setting_reader(config)("chttpd_auth", "secret") == "old");
    CHECK(config.get_integer("chttpd", "max_uri_length", 1) == 80);
    CHECK_FALSE(config.find("chttpd_auth", "secret").has_value());
    SUBCASE("but not every setting was there") {
        CHECK(config.get("chttpd", "port") == "5984");
        CHECK_FALSE(config.get_bool("chttpd_auth", "require_valid_user", false));
    }
    SUBCASE("the newer one wins") {
        config.set("chttpd_auth", "secret", "new", false).value();
        CHECK(config.get("chttpd_auth", "secret") == "new");
    }
}

TEST_CASE("config: numbers and booleans that are none count as the default") {
    Config config;
    struct Case {
        const char* text;
        std::int64_t number;
    };
    for (const auto& [text, number] : {
             Case{"12", 12}, Case{"-3", -3}, Case{"+4", 4}, Case{"1.5", 7}, Case{"", 7},
             Case{"12x", 7}, Case{"99999999999999999999", 7},
             Case{"infinity", std::numeric_limits<std::int64_t>::max()},
         }) {
        CAPTURE(text);
        CHECK(config.set("s", "n", text, false).has_value());
        CHECK(config.get_integer("s", "n", 7) == number);
    }
    CHECK(config.get_integer("s", "none", 7) == 7);
    CHECK(config.set("s", "b", "true", false).has_value());
    CHECK(config.get_bool("s", "b", false));
    CHECK(config.set("s", "b", "yes", false).has_value());
    CHECK_FALSE(config.get_bool("s", "b", false));
    CHECK(config.get_bool("s", "b", true));
}

}  // namespace divan::server
