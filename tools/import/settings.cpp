#include "tools/import/settings.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "storage/base/durable_file.h"
#include "storage/base/ini.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

enum class Kind { carried, identity, left };
struct Rule {
    std::string_view section;  ///< With "*" at its end: any that begins so.
    std::string_view key;      ///< Empty: every other one of the section.
    Kind kind;
};

// What says who may do what, how passwords and tokens are judged, and what documents may be. Ports,
// folders, certificates, processes and logs are the old machine's.
constexpr Rule rules[] = {
    {"couchdb", "uuid", Kind::identity},
    {"chttpd_auth", "secret", Kind::identity},
    {"couch_httpd_auth", "secret", Kind::identity},

    // How new passwords are kept: what was enough then, or a default of then, is weaker than ours.
    {"chttpd_auth", "iterations", Kind::left},
    {"chttpd_auth", "password_scheme", Kind::left},
    {"chttpd_auth", "pbkdf2_prf", Kind::left},
    {"couch_httpd_auth", "iterations", Kind::left},
    {"couch_httpd_auth", "password_scheme", Kind::left},
    {"couch_httpd_auth", "pbkdf2_prf", Kind::left},

    {"admins", "", Kind::carried},
    {"jwt_keys", "", Kind::carried},
    {"jwt_auth", "", Kind::carried},
    {"chttpd_auth", "", Kind::carried},
    {"couch_httpd_auth", "", Kind::carried},
    {"chttpd_auth_lockout", "", Kind::carried},
    {"couch_passwords_cache", "", Kind::carried},
    {"couch_peruser", "", Kind::carried},
    {"cors*", "", Kind::carried},
    {"csp", "", Kind::carried},
    {"vhosts", "", Kind::carried},
    {"x_frame_options", "", Kind::carried},
    {"uuids", "", Kind::carried},
    {"attachments", "", Kind::carried},
    {"couchdb", "max_document_size", Kind::carried},
    {"couchdb", "max_attachment_size", Kind::carried},
    {"couchdb", "max_document_id_length", Kind::carried},
    {"couchdb", "default_security", Kind::carried},
    {"couchdb", "users_db_security_editable", Kind::carried},
    {"chttpd", "max_http_request_size", Kind::carried},
    {"chttpd", "require_valid_user", Kind::carried},
    {"chttpd", "require_valid_user_except_for_up", Kind::carried},
    {"chttpd", "admin_only_all_dbs", Kind::carried},
    {"chttpd", "enable_cors", Kind::carried},
    {"chttpd", "enable_xframe_options", Kind::carried},
    {"chttpd", "authentication_handlers", Kind::carried},
    {"chttpd", "changes_timeout", Kind::carried},
    {"chttpd", "WWW-Authenticate", Kind::carried},
    {"chttpd", "allow_jsonp", Kind::carried},
    {"chttpd", "decode_plus_to_space", Kind::carried},
    {"httpd", "allow_jsonp", Kind::carried},
    {"httpd", "enable_cors", Kind::carried},
    {"query_server_config", "reduce_limit", Kind::carried},
};

bool fits(const Rule& rule, std::string_view section, std::string_view key) {
    const bool prefix = rule.section.ends_with('*');
    const auto name = rule.section.substr(0, rule.section.size() - (prefix ? 1 : 0));
    const bool section_fits = prefix ? section.starts_with(name) : section == name;
    return section_fits && (rule.key.empty() || rule.key == key);
}

IniSections read_all(const std::vector<fs::path>& files) {
    IniSections all;
    for (const auto& file : files) {
        for (auto& [section, values] : read_ini_file(file, InlineComments::yes).value()) {
            for (auto& [key, value] : values) all[section].insert_or_assign(key, value);
        }
    }
    return all;
}

bool has(const IniSections& sections, const SettingValue& setting) {
    const auto section = sections.find(setting.section);
    return section != sections.end() && section->second.contains(setting.key);
}

fs::path own_file(const fs::path& data, const std::string& run) {
    return data / "local.d" / ("import-" + run + ".ini");
}

// The server reads it last and writes it itself.
fs::path written_file(const fs::path& data) {
    return data / "local.d" / "zz-http.ini";
}

IniSections read_written(const fs::path& data) {
    if (!fs::exists(written_file(data))) return {};
    return read_ini_file(written_file(data), InlineComments::no).value();
}

// What the target's files set, but for this run's own one.
IniSections settings_of_target(const fs::path& data, const std::string& run) {
    std::vector<fs::path> paths;
    for (const char* name : {"local.ini", "local.d"}) {
        if (fs::exists(data / name)) paths.push_back(data / name);
    }
    auto files = expand_ini_folders(paths).value();
    std::erase_if(files, [&](const fs::path& file) {
        return file.filename() == own_file(data, run).filename() ||
               file.filename() == written_file(data).filename();
    });
    auto all = read_all(files);
    for (auto& [section, values] : read_written(data)) {
        for (auto& [key, value] : values) all[section].insert_or_assign(key, value);
    }
    return all;
}

constexpr std::string_view before_file = "identity_before.ini";
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> identity_settings = {
    {{"couchdb", "uuid"}, {"chttpd_auth", "secret"}, {"couch_httpd_auth", "secret"}}};

// The identity in the written file becomes that of `from`, or none where it has none.
void replace_identity(const fs::path& data, const IniSections& from) {
    auto written = read_written(data);
    for (const auto& [section, key] : identity_settings) {
        const auto values = from.find(section);
        const auto value = values == from.end() ? IniSections::mapped_type::const_iterator()
                                                : values->second.find(key);
        if (values != from.end() && value != values->second.end()) {
            written[std::string(section)].insert_or_assign(std::string(key), value->second);
        } else if (const auto old = written.find(section); old != written.end()) {
            old->second.erase(std::string(key));
        }
    }
    write_durably(written_file(data), print_ini(written)).value();
}

void take_identity_over(const SourceSettings& settings, const fs::path& data,
                        const fs::path& notes) {
    const auto before = notes / before_file;
    // A run that goes on must not take its own work for what was there before.
    if (!fs::exists(before)) write_durably(before, print_ini(read_written(data))).value();
    auto identity = read_written(data);
    for (const auto& setting : settings.identity) {
        identity[setting.section].insert_or_assign(setting.key, setting.value);
    }
    replace_identity(data, identity);
}

// What to do about settings that belong to the old machine.
struct Advice {
    std::string_view section, text;
};
constexpr Advice advices[] = {
    {"chttpd_auth", "new passwords are kept as this server's defaults say"},
    {"couch_httpd_auth", "new passwords are kept as this server's defaults say"},
    {"chttpd", "[chttpd] has the port and address here"},
    {"httpd", "[chttpd] has the port and address here"},
    {"ssl", "[ssl] here, with this machine's certificates"},
    {"daemons", "not needed here"},
    {"os_daemons", "not run here"},
    {"log", "written to the standard output here"},
    {"replicator", "the same section and names here"},
    {"couchdb", "the data folder is --data here"},
    {"query_servers", "JavaScript alone is run here, by divan-js"},
    {"native_query_servers", "Mango is built in"},
    {"compactions", "goes on by itself here"},
    {"compaction_daemon", "goes on by itself here"},
    {"database_compaction", "goes on by itself here"},
    {"view_compaction", "goes on by itself here"},
    {"smoosh", "goes on by itself here"},
    {"cluster", "nothing is sharded here"},
};

void append_left(std::string& text, const std::vector<std::string>& names) {
    std::map<std::string, std::string> by_section;
    for (const auto& name : names) {
        const auto slash = name.find('/');
        auto& keys = by_section[name.substr(0, slash)];
        keys += (keys.empty() ? "" : ", ") + name.substr(slash + 1);
    }
    if (!by_section.empty()) {
        text += "settings left behind (what of them is wanted belongs into local.ini of the "
                "target):\n";
    }
    for (const auto& [section, keys] : by_section) {
        text += "  [" + section + "] " + keys;
        const auto advice = std::find_if(std::begin(advices), std::end(advices),
                                         [&](const Advice& one) { return one.section == section; });
        if (advice != std::end(advices)) text.append(": ").append(advice->text);
        text += '\n';
    }
}

void append_names(std::string& text, const char* title, const std::vector<std::string>& names) {
    if (names.empty()) return;
    text += title;
    for (const auto& name : names) text += (&name == names.data() ? " " : ", ") + name;
    text += '\n';
}

}  // namespace

std::vector<fs::path> settings_near(const fs::path& source) {
    if (!fs::is_directory(source)) return {};
    const auto folder = fs::absolute(source / "").parent_path();
    for (const auto& place : {folder, folder.parent_path(), folder.parent_path() / "etc"}) {
        std::vector<fs::path> found;
        for (const char* name : {"local.ini", "local.d"}) {
            if (fs::exists(place / name)) found.push_back(place / name);
        }
        if (!found.empty()) return found;
    }
    return {};
}

SourceSettings sort_settings(std::vector<SettingValue> values) {
    SourceSettings settings;
    for (auto& setting : values) {
        const auto fitting = [&](const Rule& one) {
            return fits(one, setting.section, setting.key);
        };
        const auto rule = std::find_if(std::begin(rules), std::end(rules), fitting);
        if (rule == std::end(rules) || rule->kind == Kind::left) {
            settings.left.push_back(setting.name());
        } else {
            (rule->kind == Kind::identity ? settings.identity : settings.carried)
                .push_back(std::move(setting));
        }
    }
    return settings;
}

SourceSettings read_settings(const std::vector<fs::path>& paths) {
    const auto files = expand_ini_folders(paths).value();
    std::vector<SettingValue> all;
    for (auto& [section, values] : read_all(files)) {
        for (auto& [key, value] : values) all.push_back({section, key, value});
    }
    auto settings = sort_settings(std::move(all));
    settings.files = files;
    return settings;
}

SettingsReport carry_settings(const SourceSettings& settings, const fs::path& data,
                              const std::string& run, const fs::path& notes, bool take_identity) {
    SettingsReport report = settings_preview(settings, take_identity);
    report.carried.clear();
    const auto there = settings_of_target(data, run);
    IniSections own;
    for (const auto& setting : settings.carried) {
        const bool kept = has(there, setting);
        (kept ? report.kept : report.carried).push_back(setting.name());
        if (!kept) own[setting.section].insert_or_assign(setting.key, setting.value);
    }
    if (!own.empty()) write_durably(own_file(data, run), print_ini(own)).value();
    if (report.identity_taken) take_identity_over(settings, data, notes);
    return report;
}

SettingsReport settings_preview(const SourceSettings& settings, bool take_identity) {
    SettingsReport report;
    for (const auto& setting : settings.carried) report.carried.push_back(setting.name());
    report.left = settings.left;
    report.identity_there = !settings.identity.empty();
    report.identity_taken = take_identity && report.identity_there;
    return report;
}

void undo_settings(const fs::path& data, const std::string& run, const fs::path& notes) {
    fs::remove(own_file(data, run));
    if (const auto before = notes / before_file; fs::exists(before)) {
        replace_identity(data, read_ini_file(before, InlineComments::no).value());
        fs::remove(before);
    }
}

std::string settings_text(const SettingsReport& report) {
    std::string text;
    append_names(text, "settings carried:", report.carried);
    append_names(text, "settings that the target has values of its own for:", report.kept);
    for (const auto& refused : report.refused) text += "setting not taken: " + refused + "\n";
    append_left(text, report.left);
    if (report.identity_taken) {
        text += "identity: the source's uuid and secret are taken over: clients that sync take the "
                "target for the old server and go on from their checkpoints, and cookies stay "
                "valid. Do not run both servers for the same clients.\n";
    } else if (report.identity_there) {
        text += "identity: the target keeps its own uuid and secret (--take-identity takes the "
                "source's over): clients that sync compare all documents once, and users sign in "
                "anew.\n";
    }
    return text;
}

}  // namespace divan::import
