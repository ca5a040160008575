#pragma once

#include <string>
#include <vector>

#include "tools/import/plan.h"
#include "tools/import/run.h"

namespace divan::import {

/// The same facts for programs and for people.
std::string plan_json(const std::vector<Inventory>& databases,
                      const std::vector<std::string>& remarks, const SettingsReport& settings);
std::string plan_text(const std::vector<Inventory>& databases,
                      const std::vector<std::string>& remarks, const SettingsReport& settings);
std::string run_json(const Journal::Head& run, const RunReport& report);
std::string run_text(const Journal::Head& run, const RunReport& report);

}  // namespace divan::import
