#include "tools/import/live/running_settings.h"

#include "storage/base/durable_file.h"
#include "storage/base/ini.h"
#include "storage/base/json.h"

namespace divan::import {
namespace {

namespace fs = std::filesystem;

constexpr const char* notes_file = "settings_put.ini";

std::string path_of(const std::string& section, const std::string& key) {
    return "_node/_local/_config/" + path_part(section) + "/" + path_part(key);
}

IniSections read_notes(const fs::path& notes) {
    if (!fs::exists(notes / notes_file)) return {};
    return read_ini_file(notes / notes_file, InlineComments::no).value();
}

std::string reason_of(const LiveServer::Reply& reply) {
    const auto* reason = reply.json.find("reason");
    return reason && reason->is_string() ? reason->string() : std::to_string(reply.status);
}

class Putting {
public:
    Putting(LiveServer& target, const fs::path& notes, JsonValue there)
        : target_(target), notes_(notes), noted_(read_notes(notes)), there_(std::move(there)) {}

    void put(const SettingValue& setting, SettingsReport& report) {
        if (setting.name() == "chttpd/authentication_handlers") {
            report.refused.push_back(setting.name() + ": could lock out who sets it");
            return;
        }
        const auto* section = there_.find(setting.section);
        const auto* value = section ? section->find(setting.key) : nullptr;
        if (value && !is_noted(setting)) {
            const bool same = value->is_string() && value->string() == setting.value;
            (same ? report.carried : report.kept).push_back(setting.name());
            return;
        }
        note(setting);
        const auto reply = target_.reply("PUT", path_of(setting.section, setting.key), {},
                                         json_string(setting.value));
        if (reply.good()) {
            report.carried.push_back(setting.name());
            return;
        }
        report.refused.push_back(setting.name() + ": " + reason_of(reply));
    }

private:
    bool is_noted(const SettingValue& setting) const {
        const auto section = noted_.find(setting.section);
        return section != noted_.end() && section->second.contains(setting.key);
    }
    // The name alone: values may be secrets.
    void note(const SettingValue& setting) {
        if (is_noted(setting)) return;
        noted_[setting.section].insert_or_assign(setting.key, "put");
        write_durably(notes_ / notes_file, print_ini(noted_)).value();
    }

    LiveServer& target_;
    const fs::path& notes_;
    IniSections noted_;
    const JsonValue there_;
};

}  // namespace

SettingsReport carry_settings(const SourceSettings& settings, LiveServer& target,
                              const fs::path& notes) {
    auto report = settings_preview(settings, false);
    report.carried.clear();
    if (settings.carried.empty()) return report;
    auto there = target.reply("GET", "_node/_local/_config");
    if (!there.good()) {
        for (const auto& setting : settings.carried) {
            report.refused.push_back(setting.name() + ": " + reason_of(there));
        }
        return report;
    }
    Putting putting(target, notes, std::move(there.json));
    for (const auto& setting : settings.carried) putting.put(setting, report);
    return report;
}

void undo_settings(LiveServer& target, const fs::path& notes) {
    for (const auto& [section, keys] : read_notes(notes)) {
        for (const auto& [key, value] : keys) target.reply("DELETE", path_of(section, key));
    }
    fs::remove(notes / notes_file);
}

}  // namespace divan::import
