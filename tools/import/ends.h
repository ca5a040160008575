#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tools/import/live/live_server.h"
#include "tools/import/settings.h"
#include "tools/import/source.h"
#include "tools/import/target.h"

namespace divan::import {

/// How servers are reached, where an end is one.
struct Reach {
    std::vector<std::string> headers;  ///< "Name: value", sent to the source with every request.
    bool insecure = false;             ///< Certificates of servers are not looked at.
};

/// Where data comes from: a folder, a file, or a URL; and the settings beside it, or `config`.
struct OpenedSource {
    std::unique_ptr<Source> source;
    SourceSettings settings;
    std::vector<std::string> remarks;  ///< The source's, and on its settings.
};
/// Throws what opening it throws, `std::invalid_argument` where a header is none.
OpenedSource open_source_end(const std::string& where, const Reach& reach,
                             const std::vector<std::string>& config);
/// A URL, or a stopped server's data folder.
std::unique_ptr<Target> open_target_end(const std::string& where, const Reach& reach);
/// The running server of a target that is one.
std::shared_ptr<LiveServer> reach_target(const std::string& where, const Reach& reach);

/// As it is shown and written down: without user and password.
std::string shown(const std::string& where);
bool is_running_server(const std::string& where);

}  // namespace divan::import
