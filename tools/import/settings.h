#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace divan::import {

/// A value of CouchDB's configuration. Values may be secrets: they are never shown.
struct SettingValue {
    std::string section, key, value;
    std::string name() const { return section + "/" + key; }
};

/// What CouchDB's ini files say, sorted out.
struct SourceSettings {
    std::vector<std::filesystem::path> files;  ///< Read, in order; later ones win.
    std::vector<SettingValue> carried;   ///< Who may do what, and limits of documents.
    std::vector<SettingValue> identity;  ///< The server's uuid and the secret of its cookies.
    std::vector<std::string> left;       ///< Names of what belongs to the old machine.
};

/// `local.ini` and `local.d` where CouchDB keeps them for this data folder: in it, beside it, or in
/// `etc` beside it. Those that are there.
std::vector<std::filesystem::path> settings_near(const std::filesystem::path& source);
/// Sorts values out, whatever they were read from.
SourceSettings sort_settings(std::vector<SettingValue> values);
/// Reads files, or folders of *.ini. Throws `Refused` where one cannot be read.
SourceSettings read_settings(const std::vector<std::filesystem::path>& files);

struct SettingsReport {
    std::vector<std::string> carried;  ///< Names.
    std::vector<std::string> kept;     ///< Of these the target has values of its own.
    std::vector<std::string> refused;  ///< By a running server; with its reason.
    std::vector<std::string> left;
    bool identity_there = false;       ///< The source has a uuid or a secret,
    bool identity_taken = false;       ///< and now the target has them.
};

/// Writes what is carried into `data`/local.d/import-RUN.ini, but for what the target's own files
/// set, and with `take_identity` the uuid and the secret into the file that the server reads last.
/// Durable when it returns; the same again changes nothing. `notes` is where the identity that was
/// there before is kept for `undo_settings`. Throws `Refused`.
SettingsReport carry_settings(const SourceSettings& settings, const std::filesystem::path& data,
                              const std::string& run, const std::filesystem::path& notes,
                              bool take_identity);
/// What `carry_settings` would do, without doing it.
SettingsReport settings_preview(const SourceSettings& settings, bool take_identity);
/// Takes away what `carry_settings` of this run wrote.
void undo_settings(const std::filesystem::path& data, const std::string& run,
                   const std::filesystem::path& notes);

/// For people: names only.
std::string settings_text(const SettingsReport& report);

}  // namespace divan::import
