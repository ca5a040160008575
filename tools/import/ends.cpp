#include "tools/import/ends.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "replication/url.h"
#include "tools/import/live/http_target.h"
#include "tools/import/live/live_source.h"

namespace divan::import {
namespace {

std::pair<std::string, std::string> header_of(const std::string& text) {
    const auto colon = text.find(':');
    if (colon == 0 || colon == std::string::npos) {
        throw std::invalid_argument("--header wants NAME: VALUE");
    }
    const auto value = text.find_first_not_of(' ', colon + 1);
    return {text.substr(0, colon), value == std::string::npos ? "" : text.substr(value)};
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

bool holds_couch_files(const std::filesystem::path& where) {
    namespace fs = std::filesystem;
    if (!fs::is_directory(where)) return false;
    return std::any_of(fs::directory_iterator(where), {}, [](const auto& entry) {
        return entry.path().filename() == "shards" || entry.path().extension() == ".couch";
    });
}

// The names are couchbackup's.
LiveAccess source_access(const std::string& url, const Reach& reach) {
    LiveAccess access;
    access.url = url;
    access.verify_certificates = !reach.insecure;
    for (const auto& header : reach.headers) access.headers.push_back(header_of(header));
    access.iam_api_key = environment("CLOUDANT_IAM_API_KEY");
    const auto iam_url = environment("CLOUDANT_IAM_TOKEN_URL");
    if (!iam_url.empty()) access.iam_url = iam_url;
    return access;
}

}  // namespace

OpenedSource open_source_end(const std::string& where, const Reach& reach,
                             const std::vector<std::string>& config) {
    OpenedSource opened;
    const std::vector<std::filesystem::path> files(config.begin(), config.end());
    if (!is_url(where)) {
        opened.source = open_source(where);
        opened.settings = read_settings(files.empty() ? settings_near(where) : files);
        opened.remarks = opened.source->remarks();
        if (opened.settings.files.empty() && holds_couch_files(where)) {
            opened.remarks.emplace_back(
                "no local.ini is beside the data: admins, keys and the server's identity do not "
                "come along, unless --config says where it is");
        }
        return opened;
    }
    const auto server = std::make_shared<LiveServer>(source_access(where, reach));
    opened.settings = files.empty() ? live_settings(*server) : read_settings(files);
    opened.source = open_live_source(server);
    opened.remarks = opened.source->remarks();
    return opened;
}

std::unique_ptr<Target> open_target_end(const std::string& where, const Reach& reach) {
    if (!is_url(where)) return open_folder_target(where);
    return open_http_target(reach_target(where, reach));
}

std::shared_ptr<LiveServer> reach_target(const std::string& where, const Reach& reach) {
    LiveAccess access;
    access.url = where;
    access.verify_certificates = !reach.insecure;
    return std::make_shared<LiveServer>(std::move(access));
}

std::string shown(const std::string& where) {
    return is_url(where) ? replication::without_userinfo(where) : where;
}

bool is_running_server(const std::string& where) {
    return is_url(where);
}

}  // namespace divan::import
