#include "server/config/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "server/config/settings.h"
#include "storage/base/durable_file.h"
#include "storage/base/log.h"

namespace divan::server {
namespace {

namespace fs = std::filesystem;

IniSections built_in_values() {
    IniSections values;
    for (const Setting& setting : settings()) {
        if (setting.shown != Setting::Shown::built_in) continue;
        values[std::string(setting.section)].emplace(setting.key, setting.value);
    }
    return values;
}

/// `writable` has its own turn.
Result<std::vector<fs::path>> expand(const std::vector<fs::path>& files, const fs::path& writable) {
    auto expanded = expand_ini_folders(files);
    if (expanded.has_error()) return expanded;
    std::erase_if(*expanded, [&](const fs::path& file) {
        return file.lexically_normal() == writable.lexically_normal();
    });
    return expanded;
}

void lay_over(IniSections& values, const IniSections& later) {
    for (const auto& [section, pairs] : later) {
        for (const auto& [key, value] : pairs) values[section].insert_or_assign(key, value);
    }
}

/// What the server wrote before; nothing where it never did.
Result<IniSections> read_written(const fs::path& writable) {
    std::error_code error;
    if (writable.empty() || !fs::exists(writable, error)) return IniSections();
    return read_ini_file(writable, InlineComments::no);
}

Result<IniSections> read_all(const std::vector<fs::path>& files, const fs::path& writable) {
    IniSections values = built_in_values();
    const auto expanded = expand(files, writable);
    if (expanded.has_error()) return expanded.error();
    for (const fs::path& file : *expanded) {
        const auto read = read_ini_file(file, InlineComments::yes);
        if (read.has_error()) return read.error();
        lay_over(values, *read);
    }
    const auto written = read_written(writable);
    if (written.has_error()) return written.error();
    lay_over(values, *written);
    return values;
}

// Line ends would let a value become a line of its own in the file.
bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return c == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
}

bool is_name(std::string_view text) {
    return is_printable(text) && text.find_first_of("[]") == std::string_view::npos;
}

// A key is a line's beginning: " = " in it, blanks around it or ';' before it would make it another
// one when the file is read again, and a setting that is kept from the network settable.
bool reads_back(std::string_view section, std::string_view key) {
    const IniSections one = {{std::string(section), {{std::string(key), "value"}}}};
    return parse_ini(print_ini(one), InlineComments::no, [](std::size_t) {}) == one;
}

// config:validate_config_update/3.
Result<void> validate(std::string_view section, std::string_view key, std::string_view value) {
    std::string_view wrong;
    if (!is_name(section)) {
        wrong = "Invalid configuration section";
    } else if (!is_name(key) || !reads_back(section, key)) {
        wrong = "Invalid configuration key";
    } else if (!is_printable(value)) {
        wrong = "Invalid configuration value";
    }
    if (wrong.empty()) return {};
    return Error{Code::bad_request, std::string(wrong), {}};
}

std::optional<std::string> look_up(const IniSections& values, std::string_view section,
                                   std::string_view key) {
    const auto found = values.find(section);
    if (found == values.end()) return std::nullopt;
    const auto pair = found->second.find(key);
    if (pair == found->second.end()) return std::nullopt;
    return pair->second;
}

// CouchDB 1's sections count where the newer ones have no value, but for these settings alone:
// chttpd_util:get_chttpd_config/2 and get_chttpd_auth_config/2.
constexpr std::string_view of_httpd[] = {
    "WWW-Authenticate", "allow_jsonp",           "changes_timeout",    "enable_cors",
    "max_uri_length",   "enable_xframe_options", "rewrite_limit",      "max_http_request_size",
    "secure_rewrites",  "server_header_versions", "valid_hosts",       "validate_host",
    "x_forwarded_host", "x_forwarded_proto",     "x_forwarded_ssl"};
constexpr std::string_view of_couch_httpd_auth[] = {
    "allow_persistent_cookies", "authentication_redirect", "cookie_domain",  "hash_algorithms",
    "iterations",               "max_iterations",          "min_iterations", "password_regexp",
    "password_scheme",          "pbkdf2_prf",              "public_fields",  "proxy_use_secret",
    "same_site",                "secret",                  "timeout",        "x_auth_roles",
    "x_auth_token",             "x_auth_username"};

/// The section's older name; empty where the setting has none.
std::string_view older_section(std::string_view section, std::string_view key) {
    const auto has = [&](const auto& keys) {
        return std::find(std::begin(keys), std::end(keys), key) != std::end(keys);
    };
    if (section == "chttpd" && has(of_httpd)) return "httpd";
    if (section == "chttpd_auth" && has(of_couch_httpd_auth)) return "couch_httpd_auth";
    return {};
}

void remove(IniSections& values, std::string_view section, std::string_view key) {
    const auto found = values.find(section);
    if (found == values.end()) return;
    const auto pair = found->second.find(key);
    if (pair != found->second.end()) found->second.erase(pair);
    if (found->second.empty()) values.erase(found);
}

constexpr std::string_view written_header =
    "; Settings that were changed over HTTP. Read after all other files. The server writes this\n"
    "; file anew with every change: comments are lost, and ';' begins none after a value.\n";

}  // namespace

ConfigFiles config_files(const fs::path& data, std::vector<fs::path> given) {
    ConfigFiles files{std::move(given), data / "local.d" / "zz-http.ini"};
    for (const char* name : {"local.ini", "local.d"}) {
        std::error_code error;
        if (fs::exists(data / name, error)) files.read.push_back(data / name);
    }
    return files;
}

Config::Config() : values_(built_in_values()) {}

Result<void> Config::load(std::vector<fs::path> files, fs::path writable) {
    const std::lock_guard change(write_mutex_);
    auto values = read_all(files, writable);
    if (values.has_error()) return values.error();
    files_ = std::move(files);
    writable_ = std::move(writable);
    publish(std::move(*values));
    return {};
}

Result<void> Config::reload() {
    const std::lock_guard change(write_mutex_);
    auto values = read_all(files_, writable_);
    if (values.has_error()) return values.error();
    publish(std::move(*values));
    return {};
}

void Config::publish(IniSections values) {
    {
        const std::unique_lock lock(mutex_);
        values_.swap(values);
    }
    version_.fetch_add(1, std::memory_order_acq_rel);
}

std::optional<std::string> Config::find(std::string_view section, std::string_view key) const {
    const std::shared_lock lock(mutex_);
    return look_up(values_, section, key);
}

std::optional<std::string> Config::effective(std::string_view section,
                                             std::string_view key) const {
    const std::shared_lock lock(mutex_);
    auto value = look_up(values_, section, key);
    if (value) return value;
    const auto older = older_section(section, key);
    return older.empty() ? std::nullopt : look_up(values_, older, key);
}

std::string Config::get(std::string_view section, std::string_view key,
                        std::string_view otherwise) const {
    auto value = effective(section, key);
    return value ? std::move(*value) : std::string(otherwise);
}

std::int64_t Config::get_integer(std::string_view section, std::string_view key,
                                 std::int64_t otherwise) const {
    const auto value = effective(section, key);
    if (!value) return otherwise;
    if (*value == "infinity") return std::numeric_limits<std::int64_t>::max();
    const char* first = value->data() + (value->starts_with('+') ? 1 : 0);
    const char* last = value->data() + value->size();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(first, last, number);
    return error == std::errc() && end == last ? number : otherwise;
}

bool Config::get_bool(std::string_view section, std::string_view key, bool otherwise) const {
    const auto value = effective(section, key);
    if (value == "true") return true;
    if (value == "false") return false;
    return otherwise;
}

Config::Section Config::section(std::string_view name) const {
    const std::shared_lock lock(mutex_);
    const auto found = values_.find(name);
    return found == values_.end() ? Section() : found->second;
}

std::map<std::string, Config::Section, std::less<>> Config::all() const {
    const std::shared_lock lock(mutex_);
    return values_;
}

template <class Change>
Result<void> Config::rewrite(Change change) {
    if (writable_.empty()) return {};
    auto written = read_written(writable_);
    if (written.has_error()) return written.error();
    change(*written);
    return write_durably(writable_, fmt::format("{}{}", written_header, print_ini(*written)));
}

Result<std::optional<std::string>> Config::set(std::string_view section, std::string_view key,
                                               std::string value, bool persist) {
    const auto judged = validate(section, key, value);
    if (judged.has_error()) return judged.error();

    const std::lock_guard change(write_mutex_);
    if (persist) {
        const auto kept = rewrite([&](IniSections& written) {
            written[std::string(section)].insert_or_assign(std::string(key), value);
        });
        if (kept.has_error()) return kept.error();
    }
    IniSections values = all();
    const auto old = look_up(values, section, key);
    values[std::string(section)].insert_or_assign(std::string(key), std::move(value));
    publish(std::move(values));
    return old;
}

Result<std::optional<std::string>> Config::erase(std::string_view section, std::string_view key,
                                                 bool persist) {
    const std::lock_guard change(write_mutex_);
    IniSections values = all();
    const auto old = look_up(values, section, key);
    if (!old) return old;
    if (persist) {
        const auto kept = rewrite([&](IniSections& written) { remove(written, section, key); });
        if (kept.has_error()) return kept.error();
    }
    const auto of_files = read_all(files_, writable_);
    if (of_files.has_error()) return of_files.error();
    remove(values, section, key);
    if (const auto earlier = look_up(*of_files, section, key)) {
        values[std::string(section)].insert_or_assign(std::string(key), *earlier);
    }
    publish(std::move(values));
    return old;
}

ReadSetting setting_reader(const Config& config) {
    return [&config](std::string_view section, std::string_view key) {
        return config.effective(section, key);
    };
}

}  // namespace divan::server
