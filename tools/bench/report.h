#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench/runner.h"

namespace divan::bench {

struct KindResult {
    const Kind* kind;
    std::vector<Figures> figures;  ///< One a site.
};

struct MemoryResult {
    std::optional<std::uint64_t> at_first;
    std::optional<std::uint64_t> afterwards;
};

/// The heading of the table that `print_row` goes on with.
void print_heading(const std::vector<std::unique_ptr<Site>>& sites);
void print_row(const KindResult& result);
void print_memory(const std::vector<MemoryResult>& memory);

/// Everything, for machines. Throws where the file cannot be written.
void write_json(const std::string& path, const Plan& plan,
                const std::vector<std::unique_ptr<Site>>& sites,
                const std::vector<KindResult>& results, const std::vector<MemoryResult>& memory);

}  // namespace divan::bench
